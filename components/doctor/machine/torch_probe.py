"""`python -m components.doctor.machine.torch_probe`: prints what torch finds on this machine, as JSON.

It is a program of its own, because torch may crash.
"""

import json

import torch

from components.core.base.process_lifetime import end_with_parent
from components.core.separating.precision import best_precision
from components.doctor.machine.devices import Gpu, TorchReport


def probe_torch() -> TorchReport:
    """Ask torch for its build, the processor and the GPUs."""
    cuda = torch.version.cuda or ""
    return TorchReport(
        version=torch.__version__,
        cuda=cuda,
        nccl=".".join(map(str, torch.cuda.nccl.version())) if cuda else "",  # type: ignore[no-untyped-call]
        processor=torch.backends.cpu.get_cpu_capability(),
        bf16=best_precision() == "bf16",
        gpus=tuple(_probe_gpu(number) for number in range(torch.cuda.device_count())),
    )


def _probe_gpu(number: int) -> Gpu:
    free, memory = torch.cuda.mem_get_info(number)
    return Gpu(torch.cuda.get_device_name(number), memory, free)


if __name__ == "__main__":
    end_with_parent()
    print(json.dumps(probe_torch().values()))
