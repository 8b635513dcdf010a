"""Check of devices: torch's build, the GPUs, bf16, and whether processes can train together."""

import shutil
import subprocess
from collections.abc import Iterator

from components.core.base.errors import UserError
from components.core.base.parallel import available_cores
from components.doctor.finding import Finding, Findings, not_used, ok, problem, warning
from components.doctor.machine.torch_report import ALL_REDUCE_SAMPLES, DeviceReport, Gpu, GroupReport, TorchReport
from components.doctor.module_output import read_module_output

_PROBE_SECONDS = 140.0
_NVIDIA_SMI_SECONDS = 20.0
_GB = 1e9


def check_devices() -> Findings:
    """Ask torch in a process of its own, which also lets a group of processes sum up a tensor."""
    probe = "components.doctor.machine.torch_probe"
    try:
        report = TorchReport.parse(read_module_output(probe, seconds=_PROBE_SECONDS), probe)
    except UserError as error:
        yield problem("torch", f"does not work: {error}", "make setup; to choose another build: TORCH_INDEX=…")
        return
    yield _check_build(report.devices)
    yield from _check_gpus(report.devices, _list_gpus_of_driver())
    yield _check_bf16(report.devices)
    yield _check_group(report.group)


def _check_build(report: DeviceReport) -> Finding:
    build = f"CUDA {report.cuda}, NCCL {report.nccl}" if report.cuda else "CPU build"
    return ok("torch", f"{report.version} ({build}), {available_cores()} cores, {report.processor}")


def _check_gpus(report: DeviceReport, of_driver: list[str]) -> Iterator[Finding]:
    for number, gpu in enumerate(report.gpus):
        yield _check_gpu(f"GPU {number}", gpu)
    if len(report.gpus) < len(of_driver):
        names = ", ".join(sorted(set(of_driver)))
        observation = f"{len(of_driver)} in this machine ({names}), torch finds {len(report.gpus)}"
        remedy = "check CUDA_VISIBLE_DEVICES, and the driver's version against torch's CUDA"
        if not report.cuda:
            remedy = "delete .venv, then make setup TORCH_INDEX=https://download.pytorch.org/whl/cu130"
        yield warning("GPUs", observation, remedy)
    elif not report.gpus:
        yield not_used("GPUs", "none: the processor does all the work")


def _check_gpu(subject: str, gpu: Gpu) -> Finding:
    observation = f"{gpu.name}, {gpu.free / _GB:.1f} of {gpu.memory / _GB:.1f} GB free"
    if gpu.free < gpu.memory / 2:
        return warning(subject, observation, "another process uses it: see nvidia-smi")
    return ok(subject, observation)


def _check_bf16(report: DeviceReport) -> Finding:
    device = "GPU" if report.gpus else "processor"
    if report.bf16:
        return ok("bf16", f"the {device} has units for it")
    return not_used("bf16", f"the {device} has no units for it: separation computes in fp32, which takes longer")


def _check_group(group: GroupReport) -> Finding:
    subject = {"nccl": "NCCL"}.get(group.backend, group.backend)
    if group.failure:
        remedy = "training on several processes will fail: NCCL_DEBUG=INFO says why; for gloo try GLOO_SOCKET_IFNAME=lo"
        return problem(subject, f"{group.size} rank(s) could not sum up a tensor: one {group.failure}", remedy)
    megabytes = 4 * ALL_REDUCE_SAMPLES / 1e6
    return ok(subject, f"{group.size} rank(s) summed up {megabytes:.0f} MB in {1000 * group.seconds:.1f} ms")


def _list_gpus_of_driver() -> list[str]:
    """Return the names of the GPUs that NVIDIA's driver lists; none when there is no driver."""
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_NVIDIA_SMI_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return []
    return result.stdout.splitlines()
