"""`python -m components.compare.costs --model FOLDER --out FILE`: what a system costs, measured on this machine.

weights                   how many there are
multiply_adds_a_second    of audio
times_real_time           seconds separated a second: as trained, in torch eager and fp32
times_real_time_fast      the same as `stemline separate` does it, in `fast_precision`
peak_memory_bytes         of this process while it separated `seconds` of music in torch eager and fp32; on a GPU, of it
size_bytes                of weights.safetensors
machine                   in words
"""

import argparse
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from components.compare.counting import count_multiply_adds
from components.core.audio import Audio
from components.core.bundle import Model, load_model
from components.core.entry import run_step
from components.core.files import write_json
from components.core.inference import best_precision, for_inference
from components.core.networks.separator import Separator
from components.core.provenance import hardware
from components.core.segments import separate_all

_LONGEST = 20.0  # seconds of music that are separated
_PATIENCE = 4.0  # seconds of computing for a measurement, about


def main() -> None:
    """Parse the command line, measure and write."""
    parser = argparse.ArgumentParser(prog="python -m components.compare.costs", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder of the model")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    arguments = parser.parse_args()
    run_step(lambda: write_json(arguments.out, costs_of(load_model(arguments.model), arguments.model)))


def costs_of(model: Model, folder: Path) -> dict[str, Any]:
    """Return what costs.json holds; of a process that has done nothing else, or its memory is that of other work."""
    separator = model.separator.to("cuda" if torch.cuda.is_available() else "cpu")
    precision = best_precision()
    plain, seconds = _times_real_time(separator, model)
    memory = _peak_memory()  # before anything else is in it
    fast, _ = _times_real_time(for_inference(separator, precision), model)
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


def _times_real_time(separator: Separator, model: Model) -> tuple[float, float]:
    """Return seconds of noise separated a second, overlap included, and how many were; without the warming up.

    A slow network separates a segment or two, a fast one _LONGEST seconds.
    """
    random = np.random.default_rng(7)

    def noise(segments: int) -> Audio:
        drawn: Audio = random.standard_normal((model.channels, segments * separator.segment), dtype=np.float32)
        return drawn

    _took(separator, noise(1))
    a_segment = _took(separator, noise(1))
    most = _LONGEST * model.rate / separator.segment
    mixture = noise(max(1, round(min(_PATIENCE / a_segment, most))))
    seconds = mixture.shape[1] / model.rate
    return seconds / _took(separator, mixture), seconds


def _took(separator: Separator, mixture: Audio) -> float:
    started = time.perf_counter()
    separate_all(separator, mixture)
    return time.perf_counter() - started


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
