"""How fast a training is, and how fast it could be: audio trained a second, arithmetic against the device's peak."""

import resource
import sys
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch.utils.flop_counter import FlopCounterMode

from components.core.networks.base.separator import Separator

Item = TypeVar("Item")
_MATRIX = 2048
_REPEATS = 8


def crop_flops(separator: Separator, channels: int, samples: int) -> int:
    """Return the floating-point operations of training on one crop: of its convolutions and matrix products."""
    device = next(separator.parameters()).device
    with FlopCounterMode(display=False) as counter:
        estimates = deepcopy(separator).estimates(torch.zeros(1, channels, samples, device=device))
        estimates.sum().backward()  # type: ignore[no-untyped-call]
    return int(counter.get_total_flops())


def peak_flops(device: torch.device, dtype: torch.dtype) -> float:
    """Measure the device's FLOP/s in products of large square matrices: what no network exceeds in practice."""
    matrix = torch.ones(_MATRIX, _MATRIX, device=device, dtype=dtype)
    matrix @ matrix
    best = float("inf")
    for _ in range(_REPEATS):
        _finish(device)
        started = time.perf_counter()
        matrix @ matrix
        _finish(device)
        best = min(best, time.perf_counter() - started)
    return 2.0 * _MATRIX**3 / best


def peak_memory(device: torch.device) -> int:
    """Return the most bytes that were in use: of the GPU by its tensors, else of the process."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@dataclass
class StepClock:
    """How long a run of steps took, and how much of it was spent waiting for the next batch."""

    started: float = field(default_factory=time.perf_counter)
    waited: float = 0.0
    steps: int = 0

    def watch(self, batches: Iterator[Item]) -> Iterator[Item]:
        """Yield the batches, measuring how long each is waited for."""
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            self.waited += time.perf_counter() - asked
            if batch is None:
                return
            self.steps += 1
            yield batch

    @property
    def seconds(self) -> float:
        """Seconds since the clock was started."""
        return time.perf_counter() - self.started

    @property
    def waiting_share(self) -> float:
        """Share of the time that was spent waiting for data."""
        return self.waited / max(self.seconds, 1e-9)


@dataclass(frozen=True)
class Throughput:
    """What a step of the whole group is: seconds of audio and floating-point operations; and the devices' peak."""

    audio_seconds: float
    flops: float
    peak: float

    def row(self, clock: StepClock, device: torch.device) -> dict[str, float]:
        """Return the speed since `clock` was started, as numbers to log."""
        rate = clock.steps / clock.seconds
        return {
            "audio_seconds_a_second": rate * self.audio_seconds,
            "gflops": rate * self.flops / 1e9,
            "share_of_peak": rate * self.flops / self.peak,
            "share_waiting": clock.waiting_share,
            "memory_gb": peak_memory(device) / 1e9,
        }
