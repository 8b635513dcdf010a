"""`python -m components.compare.systems.costs --model FOLDER --out FILE`: measures what a system costs here.

weights                   how many there are
multiply_adds_a_second    of audio
times_real_time           seconds of a long song separated a second: as trained, in torch eager and fp32
times_real_time_fast      the same of the copy that `stemline separate` computes with, in `fast_precision`
peak_memory_bytes         of this process while it separated `seconds` of music in torch eager and fp32; on a GPU, of it
size_bytes                of weights.safetensors
machine                   in words

Both speeds are of one window after the other, each on all of torch's threads, or on the GPU. `separate` is faster on
several cores: it has a worker a core, each on one thread.
"""

import argparse
import resource
import sys
import time
from collections.abc import Iterator
from itertools import islice, repeat
from pathlib import Path
from typing import Any

import numpy as np
import torch

from components.compare.systems.multiply_adds import count_multiply_adds
from components.core.base.files import write_json
from components.core.base.step_command import run_step
from components.core.models.bundle import Model, load_model
from components.core.networks.base.separator import Separator
from components.core.separating.fast import best_precision, for_inference
from components.core.separating.segments import separate_blocks
from components.core.sound.decoding import Audio
from components.core.tracking.provenance import hardware

_LONGEST = 20.0  # seconds of music that are separated
_PATIENCE = 4.0  # seconds of computing for a measurement, about


def main() -> None:
    """Parse the command line, measure and write."""
    parser = argparse.ArgumentParser(prog="python -m components.compare.systems.costs", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder of the model")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    arguments = parser.parse_args()
    run_step(lambda: write_json(arguments.out, costs_of(load_model(arguments.model), arguments.model)))


def costs_of(model: Model, folder: Path) -> dict[str, Any]:
    """Return what costs.json holds; of a process that has done nothing else, or its memory is that of other work."""
    separator = model.separator.to("cuda" if torch.cuda.is_available() else "cpu")
    precision = best_precision()
    plain, seconds = times_real_time(separator, model)
    memory = _peak_memory()  # before anything else is in it
    fast, _ = times_real_time(for_inference(separator, precision), model)
    weights = sum(value.numel() for value in separator.parameters())
    multiply_adds = count_multiply_adds(separator, model.channels) * model.rate / separator.segment
    return {
        # of an ONNX file neither is seen from here
        "weights": weights or None,
        "multiply_adds_a_second": multiply_adds if weights else None,
        "times_real_time": plain,
        "times_real_time_fast": fast,
        "fast_precision": precision,
        "seconds": seconds,
        "peak_memory_bytes": memory,
        "size_bytes": (folder / "weights.safetensors").stat().st_size,
        "machine": hardware(),
    }


def times_real_time(separator: Separator, model: Model) -> tuple[float, float]:
    """Return seconds of an endless song of noise separated a second, overlap included, and how many were.

    A window ends a hop later than the one before it, so a hop's time is a window's, however long the segments are. A
    slow network separates two windows, a fast one _LONGEST seconds; the first window of all only warms up.
    """
    random = np.random.default_rng(7)
    noise: Audio = random.standard_normal((model.channels, separator.segment), dtype=np.float32)
    stems = separate_blocks(separator, repeat(noise))
    next(stems)  # it ends where the song begins
    hop, took = _separated(stems, 1)
    most = min(_PATIENCE / took, _LONGEST * model.rate / hop)
    samples, took = _separated(stems, max(2, round(most)))
    return samples / model.rate / took, samples / model.rate


def _separated(stems: Iterator[Audio], windows: int) -> tuple[int, float]:
    """Return how many samples the next windows give, and the seconds that they took."""
    started = time.perf_counter()
    samples = sum(block.shape[-1] for block in islice(stems, windows))
    return samples, time.perf_counter() - started


def _peak_memory() -> int:
    """Return the most bytes that this process, or its GPU, has held so far."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    status = Path("/proc/self/status")
    if status.is_file():  # Linux' ru_maxrss may be that of the process that started this one
        return 1024 * int(status.read_text(encoding="ascii").partition("VmHWM:")[2].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
