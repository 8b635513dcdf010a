"""Check of devices: torch's build, the GPUs, bf16, and whether processes can train together."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from components.core.base.documents import Document
from components.core.base.errors import UserError
from components.core.base.parallel import available_cores
from components.doctor.commands import run_module
from components.doctor.finding import Finding, Findings, not_used, ok, problem, warning

ALL_REDUCE_SAMPLES = 1 << 22
"""float32 samples that the ranks sum up: 16 MB, more than the gradients of most networks here."""

_PROBE_SECONDS = 60.0
_GROUP_SECONDS = 60.0
_NVIDIA_SMI_SECONDS = 20.0
_GB = 1e9


@dataclass(frozen=True)
class Gpu:
    """A GPU's name, its memory and the free part of it, in bytes."""

    name: str
    memory: int
    free: int


class TorchReport(Document):
    """The devices that torch finds here; `cuda` and `nccl` are empty in a CPU build, `bf16` says whether it is fast."""

    version: str
    cuda: str
    nccl: str
    processor: str
    bf16: bool
    gpus: tuple[Gpu, ...]


def check_devices() -> Findings:
    """Ask torch in a process of its own, then let a group of processes sum up a tensor."""
    probe = "components.doctor.machine.torch_probe"
    try:
        report = TorchReport.parse(run_module(probe, seconds=_PROBE_SECONDS), probe)
    except UserError as error:
        yield problem("torch", f"does not work: {error}", "make setup; to choose another build: TORCH_INDEX=…")
        return
    yield _check_build(report)
    yield from _check_gpus(report, _list_gpus_of_driver())
    yield _check_bf16(report)
    yield _check_group(len(report.gpus))


def _check_build(report: TorchReport) -> Finding:
    build = f"CUDA {report.cuda}, NCCL {report.nccl}" if report.cuda else "CPU build"
    return ok("torch", f"{report.version} ({build}), {available_cores()} cores, {report.processor}")


def _check_gpus(report: TorchReport, of_driver: list[str]) -> Iterator[Finding]:
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


def _check_bf16(report: TorchReport) -> Finding:
    device = "GPU" if report.gpus else "processor"
    if report.bf16:
        return ok("bf16", f"the {device} has units for it")
    return not_used("bf16", f"the {device} has no units for it: separation computes in fp32, which takes longer")


def _check_group(gpus: int) -> Finding:
    backend, subject = ("nccl", "NCCL") if gpus else ("gloo", "gloo")
    size = 1 if gpus == 1 else 2
    try:
        seconds = _time_slowest_rank(backend, size)
    except UserError as error:
        remedy = "training on several processes will fail: NCCL_DEBUG=INFO says why; for gloo try GLOO_SOCKET_IFNAME=lo"
        return problem(subject, f"{size} rank(s) could not sum up a tensor: {error}", remedy)
    megabytes = 4 * ALL_REDUCE_SAMPLES / 1e6
    return ok(subject, f"{size} rank(s) summed up {megabytes:.0f} MB in {1000 * seconds:.1f} ms")


def _time_slowest_rank(backend: str, size: int) -> float:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(size) as pool:
        file = str(Path(folder) / "ranks")

        def run_rank(number: int) -> float:
            arguments = (backend, str(number), str(size), file)
            return float(run_module("components.doctor.machine.all_reduce", *arguments, seconds=_GROUP_SECONDS))

        return max(pool.map(run_rank, range(size)))


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
