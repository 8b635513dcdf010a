"""dvc.yaml: each stage depends on the code that can change its result, and stages meet in files."""

from typing import Any

import pytest
import yaml

from components.core.base.params import parse_section
from components.core.tracking.code_dependencies import stage_code, stale_stages
from components.train.config import TrainConfig
from tests.support.source import ROOT

DVC: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
STAGES: dict[str, Any] = DVC["stages"]


def test_stages_depend_on_the_code_that_can_change_their_results() -> None:
    """If this fails: `python -m components.core.tracking.code_dependencies --write`."""
    assert stale_stages(ROOT / "dvc.yaml") == {}


@pytest.mark.parametrize("stage", STAGES)
def test_dependencies_exist_and_are_named_once(stage: str) -> None:
    dependencies = STAGES[stage]["deps"]
    assert len(set(dependencies)) == len(dependencies)
    assert [
        name
        for name in dependencies
        if name.startswith("components/") and "$" not in name and not (ROOT / name).exists()
    ] == []


def test_training_depends_on_the_transform_and_not_on_logging() -> None:
    code = stage_code("train")
    assert {"components/core/sound/stft.py", "components/core/data/cache_format.py"} <= set(code)
    assert "components/core/tracking/mlflow_runs.py" not in code
    assert not any("networks" in path for path in stage_code("cache"))


def _outs(stage: str) -> set[str]:
    return {*STAGES[stage].get("outs", []), *STAGES[stage].get("metrics", []), *STAGES[stage].get("plots", [])}


def test_stages_meet_in_files() -> None:
    """Every input in the workspace is an output of an earlier stage, and no two stages write the same."""
    made: set[str] = set()
    for name, stage in STAGES.items():
        inputs = {dependency for dependency in stage["deps"] if dependency.startswith("workspace/")}
        assert inputs <= made, name
        assert not made & _outs(name), name
        made |= _outs(name)


def test_training_depends_on_the_network_in_params() -> None:
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["train"]
    config = parse_section("train", values, TrainConfig, "params.yaml")
    assert config.network.model_dump()["name"] == values["network"]["name"]
    assert list(config.network.model_dump()["widths"]) == values["network"]["widths"]
