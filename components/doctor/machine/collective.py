"""`python -m components.doctor.machine.collective BACKEND RANK SIZE FILE`: one rank of a group that adds a tensor up.

Prints the seconds of one all_reduce of SAMPLES float32; ends with an error where the sum is wrong. FILE is where the
ranks meet, new for every group.
"""

import sys
import time
from datetime import timedelta

import torch
import torch.distributed as distributed

from components.core.base.process_lifetime import end_with_parent

SAMPLES = 1 << 22
"""16 MB, more than the gradients of most networks here."""

_ROUNDS = 3
_PATIENCE = timedelta(seconds=40)


def measure(backend: str, rank: int, size: int, file: str) -> float:
    """Return the seconds of the fastest of a few all_reduces; raises RuntimeError where a sum is wrong."""
    device = torch.device("cuda", rank) if backend == "nccl" else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group(backend, f"file://{file}", _PATIENCE, size, rank)
    try:
        return min(_seconds(device, rank, size) for _ in range(_ROUNDS))
    finally:
        distributed.destroy_process_group()


def _seconds(device: torch.device, rank: int, size: int) -> float:
    tensor = torch.full((SAMPLES,), float(rank + 1), device=device)
    distributed.barrier()
    began = time.perf_counter()
    distributed.all_reduce(tensor)
    total = tensor.sum().item()  # waits for the GPU
    seconds = time.perf_counter() - began
    if total != SAMPLES * size * (size + 1) / 2:
        raise RuntimeError(f"{size} ranks added up to {total / SAMPLES:g} in place of {size * (size + 1) / 2:g}")
    return seconds


if __name__ == "__main__":
    end_with_parent()
    print(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
