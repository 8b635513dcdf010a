"""The rules about imports between packages, and one name for a step everywhere.

components/core     holds packages (folders) only, and imports no step
a step              imports core and itself, no other step: steps meet in files
components          never import Prefect
pipelines           never import torch, neither by name nor through what they import. Of components they import
                    core and the typed config of a step (`components.<step>.config`)
everywhere          modules form no circle of imports, and neither do the packages of a step or of pipelines
"""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from components.core.base.params import Section, load_section
from pipelines.processes.dvc import STAGES
from tests.support.packages import circles
from tests.support.source import COMPONENTS, CORE, ROOT, imports, module_name, modules, steps

PIPELINES = ROOT / "pipelines"
FOLDERS = (COMPONENTS, PIPELINES, ROOT / "demo_songs")
STEPS = steps()
STEPS_WITH_CONFIG = [step for step in STEPS if (COMPONENTS / step / "config.py").is_file()]


def _below(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def _steps_imported(path: Path) -> set[str]:
    parts = [name.split(".") for name in imports(path)]
    return {part[1] for part in parts if part[0] == "components" and len(part) > 1 and part[1] in STEPS}


def _modules_of_pipelines() -> list[str]:
    return [module_name(path) for path in modules(PIPELINES)]


def test_project_has_steps() -> None:
    assert {"acquire", "cache", "train", "evaluate", "register", "gate", "promote", "separate"} <= set(STEPS)
    assert len(_modules_of_pipelines()) > 3


@pytest.mark.parametrize("step", STEPS)
def test_step_imports_no_other_step(step: str) -> None:
    others = {path.name: _steps_imported(path) - {step} for path in modules(COMPONENTS / step)}
    assert {name: found for name, found in others.items() if found} == {}


def test_core_imports_no_step() -> None:
    found = {path.name: _steps_imported(path) for path in modules(COMPONENTS / CORE)}
    assert {name: steps for name, steps in found.items() if steps} == {}


def test_no_file_lies_loose_in_core() -> None:
    assert [path.name for path in (COMPONENTS / CORE).glob("*.py")] == ["__init__.py"]


def test_modules_form_no_circle() -> None:
    """Imports inside functions count too."""
    names = {module_name(path): path for folder in FOLDERS for path in modules(folder)}
    arrows = {name: {other for other in imports(path) if other in names} - {name} for name, path in names.items()}
    assert circles(arrows) == []


@pytest.mark.parametrize("parent", [*STEPS, "pipelines"])
def test_packages_inside_a_step_form_no_circle(parent: str) -> None:
    """Each module beside the packages counts as a package."""
    folder = PIPELINES if parent == "pipelines" else COMPONENTS / parent
    depth = len(module_name(folder / "__init__.py").split(".")) + 1
    arrows: dict[str, set[str]] = {}
    for path in modules(folder):
        package = ".".join(module_name(path).split(".")[:depth])
        inside = {name for name in imports(path) if _below(name, module_name(folder / "__init__.py"))}
        others = {".".join(name.split(".")[:depth]) for name in inside if name.count(".") >= depth - 1}
        arrows.setdefault(package, set()).update(others - {package})
    assert circles({package: others & arrows.keys() for package, others in arrows.items()}) == []


def test_components_import_neither_prefect_nor_the_flows() -> None:
    for path in modules(COMPONENTS):
        wrong = {name for name in imports(path) if _below(name, "prefect") or _below(name, "pipelines")}
        assert not wrong, f"{module_name(path)} imports {wrong}"


def test_pipelines_import_no_torch_and_only_allowed_components() -> None:
    for path in modules(PIPELINES):
        for name in imports(path):
            assert not _below(name, "torch"), f"{module_name(path)} imports {name}"
            assert not _below(name, "torchaudio"), f"{module_name(path)} imports {name}"
            if _below(name, "components"):
                assert _is_allowed_in_pipelines(name), f"{module_name(path)} imports {name}"


def _is_allowed_in_pipelines(name: str) -> bool:
    parts = name.split(".")
    is_config = len(parts) > 2 and parts[1] in STEPS and parts[2] == "config"
    return len(parts) > 1 and (parts[1] == CORE or is_config)


@pytest.mark.slow
def test_import_of_a_flow_loads_no_torch(tmp_path: Path) -> None:
    code = (
        "import importlib, json, sys\n"
        "found = {}\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    found[name] = sorted(m for m in sys.modules if m.split('.')[0] in ('torch', 'torchaudio'))\n"
        "print(json.dumps(found))\n"
    )
    result = _python(["-c", code, *_modules_of_pipelines()], {"STEMLINE_WORKSPACE": str(tmp_path)})
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    assert found.keys() == set(_modules_of_pipelines())
    assert {name: there for name, there in found.items() if there} == {}


@pytest.mark.slow
def test_steps_are_commands_with_help() -> None:
    code = (
        "import contextlib, io, json, runpy, sys\n"
        "texts = {}\n"
        "for step in sys.argv[1:]:\n"
        "    out = io.StringIO()\n"
        "    sys.argv = [step, '--help']\n"
        "    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):\n"
        "        runpy.run_module(f'components.{step}', run_name='__main__')\n"
        "    texts[step] = out.getvalue()\n"
        "print(json.dumps(texts))\n"
    )
    result = _python(["-c", code, *STEPS], {})
    assert result.returncode == 0, result.stderr
    for step, text in json.loads(result.stdout.splitlines()[-1]).items():
        assert text.lower().startswith(f"usage: python -m components.{step}"), step


def _python(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize("step", STEPS_WITH_CONFIG)
def test_step_reads_its_own_section_of_params(step: str) -> None:
    schema = getattr(import_module(f"components.{step}.config"), f"{step.capitalize()}Config")
    assert issubclass(schema, Section)
    section = load_section(step, schema, ROOT / "params.yaml")
    written = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))[step]
    assert set(written) <= set(section.model_dump())


def test_params_have_a_section_for_steps_only() -> None:
    document = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    assert set(document) == set(STEPS_WITH_CONFIG)


def test_stages_of_dvc_are_steps_with_their_sections() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for name, stage in stages.items():
        assert name in STEPS_WITH_CONFIG
        assert {parameter.split(".")[0] for parameter in stage["params"]} == {name}
        # `exec` replaces the shell, so that the step is a child of DVC and ends with it
        assert stage["cmd"].startswith(f"exec python -m components.{name} ")
        assert stage["desc"]


def test_tasks_of_the_flow_equal_the_stages_of_dvc() -> None:
    assert tuple(yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]) == STAGES
