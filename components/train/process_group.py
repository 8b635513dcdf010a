"""The group of processes that trains together: its size, its device, and what they tell each other."""

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
class Group:
    """This process's place: `rank` of `size`, and its device."""

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes and logs for all."""
        return self.rank == 0

    def crops(self, batch: int) -> range:
        """Return the numbers of the crops of a global batch that this process takes."""
        return range(self.rank, batch, self.size)

    def agree_on_buffers(self, network: nn.Module) -> None:
        """Give every process the leader's buffers: each has seen the batch statistics of its own crops only.

        A checkpoint holds the leader's, so without this a resumed group would go on a little differently.
        """
        for buffer in network.buffers() if self.size > 1 else ():
            distributed.broadcast(buffer, 0)

    def gather(self, items: list[Item]) -> list[Item]:
        """Return the items of all processes, in the order that dealing them out in turns had."""
        parts: list[list[Item]] = [[] for _ in range(self.size)]
        distributed.all_gather_object(parts, items)
        return [parts[number % self.size][number // self.size] for number in range(sum(map(len, parts)))]


@contextmanager
def joined_group() -> Iterator[Group]:
    """Join the group that torchrun started this process for: NCCL on GPUs, gloo on CPUs."""
    local_rank = int(os.environ["LOCAL_RANK"])
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(local_rank)
    else:
        torch.set_num_threads(max(1, available_cores() // int(os.environ["LOCAL_WORLD_SIZE"])))
    distributed.init_process_group("nccl" if on_gpu else "gloo", **_meeting_place())
    try:
        device = torch.device("cuda", local_rank) if on_gpu else torch.device("cpu")
        yield Group(distributed.get_rank(), distributed.get_world_size(), device)
    finally:
        distributed.destroy_process_group()


def _meeting_place() -> dict[str, Any]:
    """Return where the processes find each other's addresses: on one host a fresh corner of torchrun's store a restart.

    torch 2.13 keeps its store over restarts, without telling them apart. So a process that starts first reads the
    address of one that is dead, and the group fails or waits half an hour. Between hosts restarts are counted
    differently, so there it stays as torch has it.
    """
    if os.environ.get("GROUP_WORLD_SIZE") != "1":
        return {}
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = distributed.TCPStore(address, port, size, is_master=False)  # type: ignore[attr-defined]
    restarts = os.environ["TORCHELASTIC_RESTART_COUNT"]
    corner = distributed.PrefixStore(f"restart-{restarts}", store)  # type: ignore[attr-defined]
    return {"store": corner, "rank": rank, "world_size": size}
