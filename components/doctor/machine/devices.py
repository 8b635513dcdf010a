"""What computes: torch's build, the GPUs, units for bf16, and whether processes can train together."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from components.core.base.errors import UserError
from components.core.base.parallel import available_cores
from components.doctor.commands import run_module
from components.doctor.finding import Finding, Findings, not_used, ok, problem, warning
from components.doctor.machine.collective import SAMPLES

_PROBE_SECONDS = 60.0
_GROUP_SECONDS = 60.0
_SMI_SECONDS = 20.0
_GB = 1e9


def check_devices() -> Findings:
    """Ask torch, in a process of its own, then let a group of processes add a tensor up."""
    try:
        seen = json.loads(run_module("components.doctor.probe", seconds=_PROBE_SECONDS))
    except UserError as error:
        yield problem("torch", f"does not work: {error}", "make setup; for a build that fits: TORCH_INDEX=…")
        return
    yield _build(seen)
    yield from _gpus(seen, _names_by_driver())
    yield _bf16(seen)
    yield _group(len(seen["gpus"]))


def _build(seen: dict[str, Any]) -> Finding:
    build = f"CUDA {seen['cuda']}, NCCL {seen['nccl']}" if seen["cuda"] else "CPU build"
    return ok("torch", f"{seen['version']} ({build}), {available_cores()} cores, {seen['processor']}")


def _gpus(seen: dict[str, Any], by_driver: list[str]) -> Iterator[Finding]:
    for number, gpu in enumerate(seen["gpus"]):
        yield _gpu(f"GPU {number}", gpu["name"], gpu["free"], gpu["memory"])
    if len(seen["gpus"]) < len(by_driver):
        found = (
            f"{len(by_driver)} in this machine ({', '.join(sorted(set(by_driver)))}), torch sees {len(seen['gpus'])}"
        )
        do = "see CUDA_VISIBLE_DEVICES, and the driver's version against torch's CUDA"
        if not seen["cuda"]:
            do = "make setup TORCH_INDEX=https://download.pytorch.org/whl/cu130 after deleting .venv"
        yield warning("GPUs", found, do)
    elif not seen["gpus"]:
        yield not_used("GPUs", "none: all work is done by the processor")


def _gpu(what: str, name: str, free: int, memory: int) -> Finding:
    text = f"{name}, {free / _GB:.1f} of {memory / _GB:.1f} GB free"
    if free < memory / 2:
        return warning(what, text, "another process uses it: see nvidia-smi")
    return ok(what, text)


def _bf16(seen: dict[str, Any]) -> Finding:
    device = "GPU" if seen["gpus"] else "processor"
    if seen["bf16"]:
        return ok("bf16", f"the {device} has units for it")
    return not_used("bf16", f"the {device} has no units for it: separation computes in fp32, which takes longer")


def _group(gpus: int) -> Finding:
    backend, what = ("nccl", "NCCL") if gpus else ("gloo", "gloo")
    size = 1 if gpus == 1 else 2
    try:
        seconds = _slowest(backend, size)
    except UserError as error:
        do = "training on several processes will fail: NCCL_DEBUG=INFO, or GLOO_SOCKET_IFNAME=lo, says and helps more"
        return problem(what, f"{size} rank(s) could not add a tensor up: {error}", do)
    megabytes = 4 * SAMPLES / 1e6
    return ok(what, f"{size} rank(s) added up {megabytes:.0f} MB in {1000 * seconds:.1f} ms")


def _slowest(backend: str, size: int) -> float:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(size) as pool:
        meeting = str(Path(folder) / "meeting")

        def rank(number: int) -> float:
            arguments = (backend, str(number), str(size), meeting)
            return float(run_module("components.doctor.machine.collective", *arguments, seconds=_GROUP_SECONDS))

        return max(pool.map(rank, range(size)))


def _names_by_driver() -> list[str]:
    """Return the names of the GPUs that NVIDIA's driver knows; none where there is no driver."""
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_SMI_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return []
    return result.stdout.splitlines()
