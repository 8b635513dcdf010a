"""Memory: the free amount, shared among the workers."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from components.doctor.machine import memory
from tests.components.doctor.findings import statuses


@pytest.mark.parametrize(("gigabytes", "status"), [(16.0, "ok"), (2.5, "warning"), (1.0, "problem")])
def test_check_memory_shares_it_among_workers(gigabytes: float, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=gigabytes * 1e9))
    monkeypatch.setattr(memory, "available_cores", lambda: 2)
    monkeypatch.setattr(memory, "free_in_container", lambda: float("inf"))
    assert statuses(memory.check_memory()) == {"memory a worker": status}


def test_free_in_container_obeys_its_limit(tmp_path: Path) -> None:
    assert memory.free_in_container(tmp_path) == float("inf")
    for name, text in (("max", "8000\n"), ("current", "5000\n"), ("stat", "anon 3000\ninactive_file 2000\n")):
        (tmp_path / f"memory.{name}").write_text(text)
    assert memory.free_in_container(tmp_path) == 5000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free_in_container(tmp_path) == float("inf")
