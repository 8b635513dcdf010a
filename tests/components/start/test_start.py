"""The step `start`: the model of a training in a folder of its own."""

from pathlib import Path

import pytest

from components.core.base.errors import UserError
from components.core.base.files import digest_file
from components.core.models.start_model import StartModel, start_model_folder
from components.start.start import start
from tests.support.source import ROOT

SHIPPED = ROOT / "models" / "vocal-isolation"


def test_model_folder_is_copied_with_its_digest(tmp_path: Path) -> None:
    found = start(str(SHIPPED), tmp_path / "out", tmp_path / "scratch")
    weights = start_model_folder(tmp_path / "out") / "weights.safetensors"
    assert StartModel.read(tmp_path / "out") == found
    assert (found.address, found.version, found.sha256) == (str(SHIPPED), 0, digest_file(weights))


def test_no_model_replaces_the_one_before(tmp_path: Path) -> None:
    start(str(SHIPPED), tmp_path / "out", tmp_path / "scratch")
    assert str(start("", tmp_path / "out", tmp_path / "scratch")) == "random weights"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["start.json"]


def test_folder_without_a_model_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a model"):
        start(str(tmp_path), tmp_path / "out", tmp_path / "scratch")
