"""The report of the program `torch_probe` to the check of devices."""

from dataclasses import dataclass

from components.core.base.documents import Document

ALL_REDUCE_SAMPLES = 1 << 22
"""float32 samples that a group of processes sums up: 16 MB, more than the gradients of most networks here."""


@dataclass(frozen=True)
class Gpu:
    """A GPU's name, its memory and the free part of it, in bytes."""

    name: str
    memory: int
    free: int


@dataclass(frozen=True)
class GroupReport:
    """A group of `size` processes that summed up a tensor in `seconds`; `failure` says why it could not."""

    backend: str
    size: int
    seconds: float = 0.0
    failure: str = ""


class DeviceReport(Document):
    """The devices that torch finds here; `cuda` and `nccl` are empty in a CPU build, `bf16` says whether it is fast."""

    version: str
    cuda: str
    nccl: str
    processor: str
    bf16: bool
    gpus: tuple[Gpu, ...]


class TorchReport(Document):
    """The devices, and whether processes can train together on them."""

    devices: DeviceReport
    group: GroupReport
