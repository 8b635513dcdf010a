"""A group of processes that sums up a tensor, as processes that train together do."""

import tempfile
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

import torch
import torch.distributed as distributed

from components.core.base.errors import UserError
from components.doctor.forked_call import ForkedCall
from components.doctor.machine.torch_report import ALL_REDUCE_SAMPLES, GroupReport

_ROUNDS = 3
_TIMEOUT = timedelta(seconds=40)
_GROUP_SECONDS = 60.0


def try_group(gpus: int) -> GroupReport:
    """Let two processes sum up a tensor, on two GPUs where there are as many; with one GPU a single process.

    The processes are forks of this one, which must not have used a GPU.
    """
    backend, size = "nccl" if gpus else "gloo", 1 if gpus == 1 else 2
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "ranks")  # they meet there
        calls = [
            ForkedCall(partial(time_all_reduce, backend, rank, size, file), _GROUP_SECONDS) for rank in range(size)
        ]
        try:
            return GroupReport(backend, size, max([call.result() for call in calls]))
        except UserError as error:
            return GroupReport(backend, size, failure=str(error))
        finally:
            for call in calls:
                call.stop()


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
