"""Parameters that are set from the command line."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from components.core.base.errors import UserError
from components.core.base.params import Section, load_section
from pipelines.terminal.parameters import read_assignments, write_parameters

PARAMS = """\
# The head of the file.

train:
  # said before
  steps: 700   # said beside
  learning_rate: 0.003
  network:
    widths: [8, 16]   # channels
  note: 'quoted'
datasets: [demo]
"""


@pytest.fixture
def params(tmp_path: Path) -> Path:
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS, encoding="utf-8")
    return path


def test_writing_one_value_keeps_everything_else(params: Path) -> None:
    assert write_parameters(["train.steps=100"], params) == ["train.steps = 100 (was 700)"]
    assert params.read_text(encoding="utf-8") == PARAMS.replace("steps: 700", "steps: 100")


def test_writing_several_values_and_lists_keeps_comments(params: Path) -> None:
    changes = write_parameters(["train.network.widths=[4, 8]", "datasets=[musdb18-7s, folder]"], params)
    assert changes == ["train.network.widths = [4, 8] (was [8, 16])", "datasets = [musdb18-7s, folder] (was [demo])"]
    document = YAML(typ="safe").load(params)
    assert document["train"]["network"]["widths"] == [4, 8]
    assert document["datasets"] == ["musdb18-7s", "folder"]
    text = params.read_text(encoding="utf-8")
    for comment in ("# The head of the file.", "# said before", "# said beside", "# channels", "'quoted'"):
        assert comment in text


def test_writing_present_values_leaves_the_file_unchanged(params: Path) -> None:
    before = params.stat().st_mtime_ns
    assert write_parameters(["train.steps=700", "datasets=[demo]"], params) == []
    assert write_parameters([], params) == []
    assert params.stat().st_mtime_ns == before


class _Rate(Section):
    steps: int
    learning_rate: float
    network: dict[str, list[int]]
    note: str


@pytest.mark.parametrize("text", ["1e-5", "1e-05", "0.00001", "3e+2"])
def test_written_numbers_are_numbers_for_the_steps(params: Path, text: str) -> None:
    write_parameters([f"train.learning_rate={text}"], params)
    assert load_section("train", _Rate, params).learning_rate == float(text)


@pytest.mark.parametrize(
    ("assignment", "complaint"),
    [
        ("train.step=1", "sets no parameter"),
        ("train.steps", "sets no parameter"),
        ("steps=1", "sets no parameter"),
        ("train.steps.more=1", "sets no parameter"),
        ("trian.steps=1", "sets no parameter"),
        ("train.steps=[1", "the value is not YAML"),
    ],
)
def test_wrong_assignment_is_a_user_error_and_changes_nothing(params: Path, assignment: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as raised:
        write_parameters(["train.steps=5", assignment], params)
    assert assignment in str(raised.value)
    assert "\n" not in str(raised.value)
    assert params.read_text(encoding="utf-8") == PARAMS


def test_missing_or_broken_file_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist: run from the root of the project"):
        write_parameters([], tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("a: [", encoding="utf-8")
    with pytest.raises(UserError, match="is not valid YAML") as raised:
        write_parameters([], tmp_path / "params.yaml")
    assert "\n" not in str(raised.value)


def test_assignments_for_one_run_leave_the_file_unchanged(params: Path) -> None:
    assert read_assignments(["train.steps=100", "train.network.widths=[4]"], params) == {
        "train.steps": 100,
        "train.network.widths": [4],
    }
    assert params.read_text(encoding="utf-8") == PARAMS
    with pytest.raises(UserError, match="sets no parameter"):
        read_assignments(["train.step=1"], params)
