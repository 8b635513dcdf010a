"""The processes that train together: their number, their devices, and their messages."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as distributed
from torch import nn

from components.core.base.parallel import available_cores

Item = TypeVar("Item")


@dataclass(frozen=True)
class ProcessGroup:
    """This process in its group: number `rank` of `size`, and its device."""

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes files and logs for the group."""
        return self.rank == 0

    def crops(self, batch: int) -> range:
        """Return the numbers of the crops in a batch of the whole group that this process takes."""
        return range(self.rank, batch, self.size)

    def share_buffers(self, network: nn.Module) -> None:
        """Copy the leader's buffers to every process, since each has the batch statistics of its own crops only.

        A checkpoint holds the leader's buffers, so without this a resumed group would give a different result.
        """
        for buffer in network.buffers() if self.size > 1 else ():
            distributed.broadcast(buffer, 0)

    def gather(self, items: list[Item]) -> list[Item]:
        """Return the items of all processes, where process number `rank` had every `size`-th item from `rank` on."""
        parts: list[list[Item]] = [[] for _ in range(self.size)]
        distributed.all_gather_object(parts, items)
        return [parts[number % self.size][number // self.size] for number in range(sum(map(len, parts)))]


@contextmanager
def joined_group() -> Iterator[ProcessGroup]:
    """Join the group for which torchrun started this process: NCCL on GPUs, gloo on CPUs."""
    local_rank = int(os.environ["LOCAL_RANK"])
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(local_rank)
    else:
        torch.set_num_threads(max(1, available_cores() // int(os.environ["LOCAL_WORLD_SIZE"])))
    distributed.init_process_group("nccl" if on_gpu else "gloo", **_store_of_this_restart())
    try:
        device = torch.device("cuda", local_rank) if on_gpu else torch.device("cpu")
        yield ProcessGroup(distributed.get_rank(), distributed.get_world_size(), device)
    finally:
        distributed.destroy_process_group()


def _store_of_this_restart() -> dict[str, Any]:
    """Return the arguments with which the processes of one host find each other: a key prefix per restart.

    torch 2.13 keeps the keys of its store over restarts. A process that starts first would read the address of a dead
    one, and the group would fail or wait half an hour. Hosts count restarts differently, so groups over several hosts
    keep torch's default.
    """
    if os.environ.get("GROUP_WORLD_SIZE") != "1":
        return {}
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = distributed.TCPStore(address, port, size, is_master=False)  # type: ignore[attr-defined]
    restarts = os.environ["TORCHELASTIC_RESTART_COUNT"]
    prefixed = distributed.PrefixStore(f"restart-{restarts}", store)  # type: ignore[attr-defined]
    return {"store": prefixed, "rank": rank, "world_size": size}
