"""`python -m components.doctor.machine.all_reduce BACKEND RANK SIZE FILE`: one rank of a group that sums up a tensor.

Prints the seconds of one all_reduce; fails when the sum is wrong. The ranks meet at FILE, a new one for every group.
"""

import sys
import time
from datetime import timedelta

import torch
import torch.distributed as distributed

from components.core.base.process_lifetime import end_with_parent
from components.doctor.machine.devices import ALL_REDUCE_SAMPLES

_ROUNDS = 3
_TIMEOUT = timedelta(seconds=40)


def time_all_reduce(backend: str, rank: int, size: int, file: str) -> float:
    """Return the seconds of the fastest of a few all_reduces; raises RuntimeError when a sum is wrong."""
    device = torch.device("cuda", rank) if backend == "nccl" else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group(backend, f"file://{file}", _TIMEOUT, size, rank)
    try:
        return min(_time_round(device, rank, size) for _ in range(_ROUNDS))
    finally:
        distributed.destroy_process_group()


def _time_round(device: torch.device, rank: int, size: int) -> float:
    tensor = torch.full((ALL_REDUCE_SAMPLES,), float(rank + 1), device=device)
    distributed.barrier()
    began = time.perf_counter()
    distributed.all_reduce(tensor)
    total = tensor.sum().item()  # waits for the GPU
    seconds = time.perf_counter() - began
    expected = size * (size + 1) / 2
    if total != ALL_REDUCE_SAMPLES * expected:
        raise RuntimeError(f"{size} ranks computed the sum {total / ALL_REDUCE_SAMPLES:g} in place of {expected:g}")
    return seconds


if __name__ == "__main__":
    end_with_parent()
    print(time_all_reduce(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
