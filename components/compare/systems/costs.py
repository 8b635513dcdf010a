"""`python -m components.compare.systems.costs`: measures the costs of a model on this machine (costs.json)."""

import resource
import sys
import time
from collections.abc import Iterator
from itertools import islice, repeat
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from typer import Option

from components.compare.systems.multiply_adds import count_multiply_adds
from components.core.base.step_command import run_step_command
from components.core.data.comparison_documents import Costs
from components.core.models.model_description import WEIGHTS
from components.core.models.model_folder import Model, load_model
from components.core.networks.base.separator import Separator
from components.core.separating.fast import best_precision, for_inference
from components.core.separating.segments import separate_blocks
from components.core.sound.decoding import Audio
from components.core.tracking.provenance import hardware

_LONGEST_SECONDS = 20.0  # of music that is separated
_PATIENCE_SECONDS = 4.0  # of computing for one measurement, about


def write_costs(
    model: Annotated[Path, Option(help="Folder of the model.")],
    out: Annotated[Path, Option(help="Folder for costs.json.")],
) -> None:
    """Measure the speed, memory and size of a model on this machine."""
    measure_costs(load_model(model), model).write(out)


def measure_costs(model: Model, folder: Path) -> Costs:
    """Measure the model that was loaded from `folder`, in a new process: earlier work would count as its memory."""
    separator = model.separator.to("cuda" if torch.cuda.is_available() else "cpu")
    precision = best_precision()
    plain, seconds = times_real_time(separator, model)
    memory = _peak_memory()  # before the fast copy adds to it
    fast, _ = times_real_time(for_inference(separator, precision), model)
    weights = sum(value.numel() for value in separator.parameters())
    multiply_adds = count_multiply_adds(separator, model.channels) * model.rate / separator.segment
    return Costs(
        weights=weights or None,
        multiply_adds_a_second=multiply_adds if weights else None,
        times_real_time=plain,
        times_real_time_fast=fast,
        fast_precision=precision,
        seconds=seconds,
        peak_memory_bytes=memory,
        size_bytes=(folder / WEIGHTS).stat().st_size,
        machine=hardware(),
    )


def times_real_time(separator: Separator, model: Model) -> tuple[float, float]:
    """Return the speed in seconds of music per second, overlap included, and the seconds that were separated.

    The music is an endless song of noise. Every segment yields one hop of it, so the speed does not depend on their
    length. A slow network separates two segments, a fast one 20 s; the first segment only warms up.
    """
    random = np.random.default_rng(7)
    noise: Audio = random.standard_normal((model.channels, separator.segment), dtype=np.float32)
    stems = separate_blocks(separator, repeat(noise))
    next(stems)  # the part before the song begins
    hop, took = _separate_segments(stems, 1)
    segments = min(_PATIENCE_SECONDS / took, _LONGEST_SECONDS * model.rate / hop)
    samples, took = _separate_segments(stems, max(2, round(segments)))
    return samples / model.rate / took, samples / model.rate


def _separate_segments(stems: Iterator[Audio], segments: int) -> tuple[int, float]:
    """Return the number of samples that the next segments yield, and the seconds that they take."""
    started = time.perf_counter()
    samples = sum(block.shape[-1] for block in islice(stems, segments))
    return samples, time.perf_counter() - started


def _peak_memory() -> int:
    """Return the most bytes that this process, or its GPU, has held so far."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    status = Path("/proc/self/status")
    if status.is_file():  # on Linux ru_maxrss may include the process that started this one
        return 1024 * int(status.read_text(encoding="ascii").partition("VmHWM:")[2].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    run_step_command(write_costs, "components.compare.systems.costs")
