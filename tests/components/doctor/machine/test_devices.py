"""Devices: with and without GPUs, and a torch that does not start."""

import json

import pytest

from components.core.base.errors import UserError
from components.doctor.machine import devices
from tests.components.doctor.findings import statuses

_GPU = {"name": "A GPU", "memory": 80 * 10**9, "free": 79 * 10**9}
_TORCH = {"version": "2.13.0", "cuda": "", "nccl": "", "processor": "AVX2", "bf16": False, "gpus": []}


def _devices(monkeypatch: pytest.MonkeyPatch, by_driver: int = 0, **seen: object) -> dict[str, str]:
    ranks = []

    def run(module: str, *arguments: str, seconds: float) -> str:
        if module.endswith("probe"):
            return json.dumps(_TORCH | seen)
        ranks.append(arguments[:3])
        return "0.01"

    monkeypatch.setattr(devices, "run_module", run)
    monkeypatch.setattr(devices, "_list_gpus_of_driver", lambda: ["A GPU"] * by_driver)
    found = statuses(devices.check_devices())
    return found | {"ranks": " ".join(sorted("/".join(rank) for rank in ranks))}


def test_check_devices_without_a_gpu_tries_gloo(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = {"torch": "ok", "GPUs": "not used", "bf16": "not used", "gloo": "ok", "ranks": "gloo/0/2 gloo/1/2"}
    assert _devices(monkeypatch) == expected


@pytest.mark.parametrize(("count", "ranks"), [(1, "nccl/0/1"), (2, "nccl/0/2 nccl/1/2"), (8, "nccl/0/2 nccl/1/2")])
def test_check_devices_lists_gpus_and_tries_nccl(count: int, ranks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _devices(monkeypatch, count, cuda="13.0", bf16=True, gpus=[_GPU] * count)
    assert found.pop("ranks") == ranks
    assert set(found) == {"torch", "bf16", "NCCL", *(f"GPU {number}" for number in range(count))}
    assert set(found.values()) == {"ok"}


def test_check_devices_warns_about_hidden_and_used_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _devices(monkeypatch, by_driver=2)["GPUs"] == "warning"
    found = _devices(monkeypatch, by_driver=2, cuda="13.0", gpus=[_GPU | {"free": 10**9}])
    assert found["GPUs"] == found["GPU 0"] == "warning"


def test_check_devices_reports_torch_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(module: str, *arguments: str, seconds: float) -> str:
        raise UserError(f"{module} crashed (SIGILL)")

    monkeypatch.setattr(devices, "run_module", run)
    assert statuses(devices.check_devices()) == {"torch": "problem"}
