"""Batches of crops, prepared by threads while the network trains on the batch before."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from components.core.sound.decoding import Audio
from components.train.crops.sampler import Crop, CropSampler


@dataclass(frozen=True)
class Batch:
    """The crops of a process for one step: `stems`, `(batch, targets, channels, samples)`, and a source per crop."""

    step: int
    stems: Audio
    sources: tuple[str, ...]


def load_batches(sampler: CropSampler, steps: range, crops: range, threads: int) -> Iterator[Batch]:
    """Yield the batches of `steps`, made of the crops numbered `crops`; `threads` threads prepare the next two.

    Reading, transforming and resampling release Python's lock, so the speed grows almost in proportion to the threads.
    """
    with ThreadPoolExecutor(threads) as pool:

        def submit(step: int) -> list[Future[Crop]]:
            return [pool.submit(sampler.crop, step, number) for number in crops]

        pending = [submit(step) for step in steps[:2]]
        for step in steps:
            drawn = [crop.result() for crop in pending.pop(0)]
            if step + 2 < steps.stop:
                pending.append(submit(step + 2))
            yield Batch(step, np.stack([crop.stems for crop in drawn]), tuple(crop.source for crop in drawn))
