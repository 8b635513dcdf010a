"""`python -m components.doctor.probe`: what torch says of this machine, as JSON; a program, since torch may crash."""

import json
from dataclasses import asdict, dataclass

import torch

from components.core.base.process_lifetime import end_with_parent
from components.core.separating.precision import best_precision


@dataclass(frozen=True)
class Gpu:
    """A GPU: its name, and its memory and what is free of it, in bytes."""

    name: str
    memory: int
    free: int


@dataclass(frozen=True)
class Torch:
    """The build of torch (`cuda` and `nccl` are empty without CUDA), what it finds, and whether bf16 is fast here."""

    version: str
    cuda: str
    nccl: str
    processor: str
    bf16: bool
    gpus: list[Gpu]


def look() -> Torch:
    """Ask torch."""
    cuda = torch.version.cuda or ""
    nccl = ".".join(map(str, torch.cuda.nccl.version())) if cuda else ""  # type: ignore[no-untyped-call]
    processor = torch.backends.cpu.get_cpu_capability()
    gpus = [_gpu(number) for number in range(torch.cuda.device_count())]
    return Torch(torch.__version__, cuda, nccl, processor, best_precision() == "bf16", gpus)


def _gpu(number: int) -> Gpu:
    free, memory = torch.cuda.mem_get_info(number)
    return Gpu(torch.cuda.get_device_name(number), memory, free)


if __name__ == "__main__":
    end_with_parent()
    print(json.dumps(asdict(look())))
