"""dvc.yaml: a stage depends on the code that can change its result, all of it, and on no other.

Which code that is follows from the imports: the step's folder, and what it uses of the ground floor, and what that
uses. So a change of how runs are logged trains nothing again, and no change of the transform goes unnoticed.
"""

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.core.base.params import parse_section
from components.train.config import TrainConfig
from tests.support.source import COMPONENTS, CORE, ROOT, imports, modules

CANNOT_CHANGE_A_RESULT = {
    "errors": "what is said when it fails",
    "extras": "what is said when an optional package is missing",
    "entry": "how a step is started and ends",
    "garbage": "when Python looks for what nobody uses any more",
    "lifeline": "when a step ends",
    "progress": "what is said meanwhile",
    "params": "values are dependencies themselves (`params` in dvc.yaml); this only reads and checks them",
    "tracking": "where a result is written down as well",
    "provenance": "what is written down beside a result",
    "parallel": "where the work is done; the results come in the order of the items",
    "workspace": "where the embedded stores and unfinished work lie; outs are named in dvc.yaml",
}
"""Modules of the ground floor that no stage depends on, and why: what they import is not followed either."""

NETWORKS = f"components/{CORE}/networks"
"""One dependency, the whole folder: params.yaml names the architecture, and the registry imports all of them."""

DVC: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
STAGES: dict[str, Any] = DVC["stages"]


def _needed(step: str) -> set[str]:
    """Return the paths of the ground floor that can change the result of `step`."""
    found: set[str] = set()
    waiting = modules(COMPONENTS / step)
    while waiting:
        for name in _core_modules(waiting.pop()) - found:
            if name in CANNOT_CHANGE_A_RESULT:
                continue
            found.add(name)
            waiting += modules(ROOT / NETWORKS) if name == "networks" else [COMPONENTS / CORE / f"{name}.py"]
    return {NETWORKS if name == "networks" else f"components/{CORE}/{name}.py" for name in found}


def _core_modules(path: Path) -> set[str]:
    """Return the modules of core (`networks` for any of that folder) that a file imports."""
    parts = [name.split(".") for name in imports(path)]
    names = {part[2] for part in parts if part[:2] == ["components", CORE] and len(part) > 2}
    return {name for name in names if (COMPONENTS / CORE / f"{name}.py").is_file() or name == "networks"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_code_it_uses(stage: str) -> None:
    code = {dependency for dependency in STAGES[stage]["deps"] if dependency.startswith("components/")}
    assert code == {f"components/{stage}"} | _needed(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_dependencies_are_there_and_named_once(stage: str) -> None:
    dependencies = STAGES[stage]["deps"]
    assert len(set(dependencies)) == len(dependencies)
    assert [name for name in dependencies if name.startswith("components/") and not (ROOT / name).exists()] == []


def test_the_excluded_modules_exist() -> None:
    assert [name for name in CANNOT_CHANGE_A_RESULT if not (COMPONENTS / CORE / f"{name}.py").is_file()] == []


def test_what_packages_hold_beside_their_modules_is_words() -> None:
    """`__init__.py` is no dependency, so there must be nothing in it but a call that cannot change a result."""
    call = "from components.core.base.garbage_collection import rest_while_importing\nrest_while_importing()"
    allowed = {COMPONENTS / "__init__.py": call, COMPONENTS / CORE / "__init__.py": ""}
    for path, code in allowed.items():
        words, *rest = ast.parse(path.read_text(encoding="utf-8")).body
        assert isinstance(words, ast.Expr)
        assert isinstance(words.value, ast.Constant), path
        assert [ast.dump(node) for node in rest] == [ast.dump(node) for node in ast.parse(code).body], path
    assert "garbage" in CANNOT_CHANGE_A_RESULT


def test_the_closure_finds_what_it_should() -> None:
    """The rule itself: the transform decides a training, through four imports; logging does not."""
    needed = _needed("train")
    assert {f"components/{CORE}/stft.py", f"components/{CORE}/shards.py", NETWORKS} <= needed
    assert f"components/{CORE}/tracking.py" not in needed
    assert f"components/{CORE}/shards.py" in _needed("cache")
    assert NETWORKS not in _needed("cache")


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


def test_a_change_of_the_network_in_params_is_a_change_of_the_training() -> None:
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["train"]
    config = parse_section("train", values, TrainConfig, "params.yaml")
    assert config.network.model_dump()["name"] == values["network"]["name"]
    assert list(config.network.model_dump()["widths"]) == values["network"]["widths"]
