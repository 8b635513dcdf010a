"""Disk: free space compared with the need of a run."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from components.doctor.machine import disk
from tests.components.doctor.findings import by_subject


@pytest.mark.parametrize(("free", "status"), [(0.0, "problem"), (1.2e9, "warning"), (500e9, "ok")])
def test_check_disk_compares_free_space_with_the_need(
    free: float, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "WORKSPACE", tmp_path / "not" / "there")
    monkeypatch.setattr(disk, "measure_folder", lambda folder: (2_000_000_000, True))
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(total=1e12, free=free))
    found = by_subject(disk.check_disk())
    assert found["workspace"].status == found["DVC cache"].status == status
    assert str(tmp_path) in found["workspace"].observation
    assert (found["shared memory"].status == "warning") == (free == 0)


def test_measure_folder_sums_up_file_sizes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"x" * 1000)
    (tmp_path / "c").symlink_to(tmp_path / "nowhere")
    size, complete = disk.measure_folder(tmp_path)
    assert 1000 <= size < 1500
    assert complete
