"""`python -m components.doctor.machine.torch_probe`: prints what torch finds on this machine, as JSON.

It is a program of its own, because torch may crash. It imports torch once and forks for everything that uses a GPU,
because a process that has used one can't be forked.
"""

import json
import sys

import torch

from components.core.base.errors import UserError
from components.core.base.process_lifetime import end_with_parent
from components.core.separating.precision import best_precision
from components.doctor.forked_call import ForkedCall
from components.doctor.machine.all_reduce import try_group
from components.doctor.machine.torch_report import DeviceReport, Gpu, TorchReport

_DEVICE_SECONDS = 60.0


def probe_torch() -> TorchReport:
    """Ask torch for the devices, then let a group of processes sum up a tensor on them; raises UserError."""
    devices = ForkedCall(probe_devices, _DEVICE_SECONDS).result()
    return TorchReport(devices=devices, group=try_group(len(devices.gpus)))


def probe_devices() -> DeviceReport:
    """Ask torch for its build, the processor and the GPUs."""
    cuda = torch.version.cuda or ""
    return DeviceReport(
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
    try:
        print(json.dumps(probe_torch().values()))
    except UserError as error:
        sys.exit(str(error))
