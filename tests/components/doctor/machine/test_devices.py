"""Devices: with and without GPUs, and a torch that does not start."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from components.core.base.errors import UserError
from components.doctor.machine import devices
from components.doctor.machine.all_reduce import try_group
from components.doctor.machine.torch_probe import probe_torch
from components.doctor.machine.torch_report import GroupReport
from tests.components.doctor.findings import statuses
from tests.support.nvidia_driver import install_nvidia_smi

_GPU = {"name": "A GPU", "memory": 80 * 10**9, "free": 79 * 10**9}
_DEVICES = {"version": "2.13.0", "cuda": "", "nccl": "", "processor": "AVX2", "bf16": False, "gpus": []}


class Machine:
    """A machine whose driver lists GPUs, and whose torch reports given devices."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._monkeypatch = folder, monkeypatch

    def check(self, by_driver: int = 0, group: GroupReport | None = None, **seen: object) -> dict[str, str]:
        """Return the statuses of the check where the driver lists `by_driver` GPUs, and torch reports the rest."""
        report = {"devices": _DEVICES | seen, "group": asdict(group or GroupReport("gloo", 2, 0.01))}
        self._monkeypatch.setattr(devices, "read_module_output", lambda module, seconds: json.dumps(report))
        install_nvidia_smi(self._folder, ["A GPU"] * by_driver, self._monkeypatch)
        return statuses(devices.check_devices())


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_probe_without_a_gpu_lets_two_processes_sum_up_a_tensor() -> None:
    report = probe_torch()
    assert report.devices.version == torch.__version__
    if report.devices.gpus:
        assert report.group.backend == "nccl"
    else:
        assert (report.group.backend, report.group.size, report.group.failure) == ("gloo", 2, "")
    assert report.group.seconds > 0


def test_group_reports_why_it_can_not_sum_up_a_tensor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "no-such-interface")
    group = try_group(0)
    assert group.failure.startswith("failed: RuntimeError: ")
    assert "\n" not in group.failure


def test_check_devices_without_a_gpu_names_gloo(machine: Machine) -> None:
    expected = {"torch": "ok", "GPUs": "not used", "bf16": "not used", "gloo": "ok"}
    assert machine.check() == expected
    failed = GroupReport("gloo", 2, failure="did not end within 60 s")
    assert machine.check(group=failed) == expected | {"gloo": "problem"}


@pytest.mark.parametrize("count", [1, 2, 8])
def test_check_devices_lists_gpus_and_names_nccl(count: int, machine: Machine) -> None:
    found = machine.check(count, GroupReport("nccl", min(count, 2), 0.01), cuda="13.0", bf16=True, gpus=[_GPU] * count)
    assert set(found) == {"torch", "bf16", "NCCL", *(f"GPU {number}" for number in range(count))}
    assert set(found.values()) == {"ok"}


def test_check_devices_warns_about_hidden_and_used_gpus(machine: Machine) -> None:
    assert machine.check(by_driver=2)["GPUs"] == "warning"
    found = machine.check(by_driver=2, cuda="13.0", gpus=[_GPU | {"free": 10**9}])
    assert found["GPUs"] == found["GPU 0"] == "warning"


def test_check_devices_reports_torch_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(module: str, *arguments: str, seconds: float) -> str:
        raise UserError(f"{module} crashed (SIGILL)")

    monkeypatch.setattr(devices, "read_module_output", run)
    assert statuses(devices.check_devices()) == {"torch": "problem"}
