"""The speed of a training: audio trained per second, and arithmetic against the device's measured peak."""

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

MATRIX_SIZE = 2048
"""Rows and columns of the matrices with which `peak_flops` measures."""

_REPEATS = 8


def crop_flops(separator: Separator, channels: int, samples: int) -> int:
    """Return the floating-point operations of training on one crop, in convolutions and matrix products."""
    device = next(separator.parameters()).device
    with FlopCounterMode(display=False) as counter:
        estimates = deepcopy(separator).estimates(torch.zeros(1, channels, samples, device=device))
        estimates.sum().backward()  # type: ignore[no-untyped-call]
    return int(counter.get_total_flops())


def peak_flops(device: torch.device, dtype: torch.dtype) -> float:
    """Measure the device's FLOP/s in products of large square matrices, which networks do not exceed in practice."""
    matrix = torch.ones(MATRIX_SIZE, MATRIX_SIZE, device=device, dtype=dtype)
    matrix @ matrix
    best = float("inf")
    for _ in range(_REPEATS):
        _wait_for(device)
        started = time.perf_counter()
        matrix @ matrix
        _wait_for(device)
        best = min(best, time.perf_counter() - started)
    return 2.0 * MATRIX_SIZE**3 / best


def peak_memory(device: torch.device) -> int:
    """Return the largest number of bytes in use so far: by tensors on a GPU, else by the process."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@dataclass
class StepClock:
    """Measures the duration of steps, and the part of it that they wait for data."""

    started: float = field(default_factory=time.perf_counter)
    waited: float = 0.0
    steps: int = 0

    def watch(self, batches: Iterator[Item]) -> Iterator[Item]:
        """Yield the batches, and measure the wait for each."""
        while True:
            before = time.perf_counter()
            batch = next(batches, None)
            self.waited += time.perf_counter() - before
            if batch is None:
                return
            self.steps += 1
            yield batch

    @property
    def seconds(self) -> float:
        """Seconds since the start of the clock."""
        return time.perf_counter() - self.started

    @property
    def waiting_share(self) -> float:
        """Share of the time that was spent waiting for data."""
        return self.waited / max(self.seconds, 1e-9)


@dataclass(frozen=True)
class StepWork:
    """The work of the whole group in one step: seconds of audio, floating-point operations; and its peak FLOP/s."""

    audio_seconds: float
    flops: float
    peak: float

    def speed(self, clock: StepClock, device: torch.device) -> dict[str, float]:
        """Return the speed since the start of `clock`, as metrics to log."""
        rate = clock.steps / clock.seconds
        return {
            "audio_seconds_a_second": rate * self.audio_seconds,
            "gflops": rate * self.flops / 1e9,
            "share_of_peak": rate * self.flops / self.peak,
            "share_waiting": clock.waiting_share,
            "memory_gb": peak_memory(device) / 1e9,
        }
