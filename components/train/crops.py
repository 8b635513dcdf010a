"""What the network sees at each step, as a pure function of the seed and the step.

Nothing is remembered from one batch to the next, so a resumed training, or one on another number of processes,
sees exactly the crops that an undisturbed one sees.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from components.core.audio import Audio
from components.core.shards import CachedTrack, ShardReader
from components.train.config import AugmentConfig


@dataclass(frozen=True)
class Batch:
    """`stems`, `(batch, targets, channels, samples)`, and for each crop where its stems come from."""

    step: int
    stems: Audio
    sources: tuple[str, ...]


class CropSampler:
    """Draws augmented crops of `samples` samples; longer tracks are drawn more often."""

    def __init__(self, reader: ShardReader, samples: int, augment: AugmentConfig, seed: int) -> None:
        self._reader, self._samples, self._augment, self._seed = reader, samples, augment, seed
        lengths = np.array([track.samples for track in reader.tracks], dtype=np.float64)
        self._likelihood = lengths / lengths.sum()

    def batch(self, step: int, crops: range) -> Batch:
        """Return the crops with these numbers within the batch of `step`."""
        drawn = [self._crop(np.random.default_rng([self._seed, step, number])) for number in crops]
        return Batch(step, np.stack([stems for stems, _ in drawn]), tuple(source for _, source in drawn))

    def _crop(self, random: np.random.Generator) -> tuple[Audio, str]:
        track, start = self._place(random)
        remixed = random.random() < self._augment.remix_share
        stems, sources = [], []
        for target, name in enumerate(self._reader.targets):
            if remixed and target > 0:
                track, start = self._place(random)
            stems.append(self._augmented(self._reader.read(track, target, start, self._samples), random))
            sources.append(f"{name} of '{track.name}' at {start / self._reader.rate:.2f} s")
        return np.stack(stems), ", ".join(sources)

    def _place(self, random: np.random.Generator) -> tuple[CachedTrack, int]:
        track = self._reader.tracks[random.choice(len(self._likelihood), p=self._likelihood)]
        return track, int(random.integers(0, max(track.samples - self._samples, 0) + 1))

    def _augmented(self, stem: Audio, random: np.random.Generator) -> Audio:
        gain = 10 ** (random.uniform(-self._augment.gain_db, self._augment.gain_db) / 20)
        if random.random() < self._augment.flip_share:
            gain = -gain
        if random.random() < self._augment.swap_share:
            stem = stem[::-1]
        return stem * np.float32(gain)


def batches(sampler: CropSampler, steps: range, crops: range) -> Iterator[Batch]:
    """Yield the batches of `steps`, the next two being prepared while one is used."""
    with ThreadPoolExecutor(1) as thread:
        ahead: list[Future[Batch]] = [thread.submit(sampler.batch, step, crops) for step in steps[:2]]
        for step in steps:
            batch = ahead.pop(0).result()
            if step + 2 < steps.stop:
                ahead.append(thread.submit(sampler.batch, step + 2, crops))
            yield batch
