"""params.yaml: every section fits, or the finding names it."""

from pathlib import Path

import pytest

from components.doctor import project_folder
from tests.components.doctor.findings import by_subject, statuses
from tests.support.tiny_models import ROOT


def test_check_params_accepts_this_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert statuses(project_folder.check_params()) == {"params.yaml": "ok"}


def test_check_params_names_a_wrong_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(text.replace("  rate: 44100", "  rate: fast", 1))
    monkeypatch.chdir(tmp_path)
    found = by_subject(project_folder.check_params())
    assert set(found) == {"params.yaml: cache"}
    assert "cache.rate" in found["params.yaml: cache"].observation
