"""The code that can change a result, derived from imports.

`python -m components.core.tracking.code_dependencies` checks the `deps` of dvc.yaml against it; `--write` updates them.

A stage's result depends on the files of its step, on the modules of core that these import, and on the modules that
those import. Of the architectures it depends on the one that `train.network.name` of params.yaml names. Modules that
can't change a result, such as messages, are left out (`NO_INFLUENCE`).

The same answer serves dvc.yaml, the key of a training's scratch folder, the cache of the champion's scores, and the
code that MLflow serves with a model.
"""

import ast
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from ruamel.yaml import YAML
from typer import Option

from components.core.base.errors import UserError
from components.core.base.files import digest_file, digest_parts, whole_file
from components.core.base.step_command import run_step_command

ROOT = Path(__file__).parents[3]
"""The project whose code this is."""

PACKAGES = ("components", "demo_songs")

NO_INFLUENCE: Mapping[str, str] = {
    "components.core.base.documents": "checks values that are dependencies themselves",
    "components.core.base.errors": "messages",
    "components.core.base.exit_codes": "how a command ends",
    "components.core.base.garbage_collection": "when Python frees memory",
    "components.core.base.process_lifetime": "when a process ends",
    "components.core.base.optional_packages": "messages about missing packages",
    "components.core.base.parallel": "where work is done; results keep the order of the items",
    "components.core.base.params": "reads values that are dependencies themselves (`params` in dvc.yaml)",
    "components.core.base.progress": "messages",
    "components.core.base.step_command": "how a step starts and ends",
    "components.core.base.workspace": "where results lie; dvc.yaml names the outs",
    "components.core.data.artifacts": "how results are called; dvc.yaml names the outs",
    "components.core.stores": "copies files as they are",
    "components.core.tracking.mlflow_address": "where results are also logged",
    "components.core.tracking.mlflow_runs": "where results are also logged",
    "components.core.tracking.provenance": "what is written beside a result",
    "components.core.tracking.code_dependencies": "which code is a dependency",
}
"""Modules and packages that no result depends on, each with its reason. Their imports are not followed either."""

NETWORKS = "components.core.networks"
ARCHITECTURES = f"{NETWORKS}.architectures"
IMPORTED_BY_NAME: Mapping[str, str] = {
    f"{NETWORKS}.architecture_registry": ARCHITECTURES,
    f"{NETWORKS}.building": NETWORKS,
}
"""Modules that import an architecture by its name, so that no import statement shows it, and from which package."""

ANY_NETWORK = "${train.network.name}"
"""The placeholder of the architecture in dvc.yaml; DVC puts the value of params.yaml in its place."""


def stage_code(step: str, root: Path = ROOT) -> list[str]:
    """Return the code dependencies of a DVC stage as dvc.yaml lists them: paths below `root`, folders first.

    The network appears as `components/core/networks/${train.network.name}.py`, its parameters in `architectures`.
    """
    modules = _closure(_modules_of(step, root), ANY_NETWORK, root, tuple(NO_INFLUENCE))
    paths = {_dependency(module, step, root) for module in modules}
    packages = [package for module, package in IMPORTED_BY_NAME.items() if module in modules]
    paths |= {f"{package.replace('.', '/')}/{ANY_NETWORK}.py" for package in packages}
    return sorted(paths, key=lambda path: (path.endswith(".py"), path))


def code_digest(step: str, network: str, root: Path = ROOT) -> str:
    """Return one SHA-256 of all code that can change the result of `step` with the architecture `network`."""
    modules = _closure(_modules_of(step, root), network, root, tuple(NO_INFLUENCE))
    paths = sorted(_path(module, root) for module in modules)
    return digest_parts(part for path in paths for part in (path.relative_to(root).as_posix(), digest_file(path)))


def imported_files(modules: Iterable[str], network: str, root: Path = ROOT) -> list[Path]:
    """Return the files that a program needs which imports `modules` and loads the architecture `network`.

    All imports are followed, and the `__init__.py` of every package on the way is among the files.
    """
    found: frozenset[str] = frozenset(modules)
    while (more := _closure(found | _packages_of(found), network, root, ())) != found:
        found = more
    return sorted(_path(module, root) for module in found)


def write_dependencies(path: Path, root: Path = ROOT) -> None:
    """Write the code dependencies of every stage into the dvc.yaml at `path`; other dependencies keep their order."""
    yaml, document = _read_dvc_yaml(path)
    for step, stage in document["stages"].items():
        stage["deps"] = [*stage_code(step, root), *_other_dependencies(stage)]
    with whole_file(path) as partial:
        yaml.dump(document, partial)


def stale_stages(path: Path, root: Path = ROOT) -> dict[str, list[str]]:
    """Return, by stage, the code dependencies that the dvc.yaml at `path` lacks, and those that it lists needlessly."""
    _, document = _read_dvc_yaml(path)
    differences = {
        step: sorted(set(stage_code(step, root)) ^ (set(stage["deps"]) - set(_other_dependencies(stage))))
        for step, stage in document["stages"].items()
    }
    return {step: paths for step, paths in differences.items() if paths}


def _read_dvc_yaml(path: Path) -> tuple[YAML, Any]:
    yaml = YAML()
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml, yaml.load(path.read_text(encoding="utf-8"))


def _other_dependencies(stage: Any) -> list[str]:
    return [path for path in stage["deps"] if path.split("/")[0] not in PACKAGES]


def _closure(modules: Iterable[str], network: str, root: Path, left_out: tuple[str, ...]) -> frozenset[str]:
    """Return `modules` and all project modules that they import, directly or not, apart from those left out."""
    found: set[str] = set()
    waiting = set(modules)
    while waiting:
        module = waiting.pop()
        found.add(module)
        imported = set(_imports(_path(module, root), root))
        if module in IMPORTED_BY_NAME:
            imported |= _imports_by_name(IMPORTED_BY_NAME[module], network, root)
        waiting |= {name for name in imported - found if not any(_is_in(name, package) for package in left_out)}
    return frozenset(found)


def _packages_of(modules: Iterable[str]) -> set[str]:
    """Return the packages above the modules, which Python imports before these."""
    parts = [module.split(".") for module in modules]
    return {".".join(part[:length]) for part in parts for length in range(1, len(part))}


def _is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _imports_by_name(package: str, network: str, root: Path) -> set[str]:
    """Return the module of `network` in `package`; where it is open which one that is, what any of them imports."""
    if network != ANY_NETWORK:
        return {f"{package}.{network}"}
    files = _path(ARCHITECTURES, root).parent.glob("*.py")
    names = {path.stem for path in files} - {"__init__"}
    modules = {f"{folder}.{name}" for folder in IMPORTED_BY_NAME.values() for name in names}
    return {found for name in names for found in _imports(_path(f"{package}.{name}", root), root)} - modules


@lru_cache
def _imports(path: Path, root: Path) -> frozenset[str]:
    """Return the project modules that a file imports, anywhere in it, without packages whose `__init__.py` is empty."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(name for name in names if name.split(".")[0] in PACKAGES and _has_code(name, root))


def _modules_of(step: str, root: Path) -> set[str]:
    return {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for path in (root / "components" / step).rglob("*.py")
    }


@lru_cache
def _has_code(name: str, root: Path) -> bool:
    """Return whether `name` is a module, or a package whose `__init__.py` holds more than its docstring."""
    path = _path(name, root)
    return path.is_file() and (path.name != "__init__.py" or len(ast.parse(path.read_text(encoding="utf-8")).body) > 1)


def _path(module: str, root: Path) -> Path:
    place = root.joinpath(*module.split("."))
    return place.with_suffix(".py") if place.with_suffix(".py").is_file() else place / "__init__.py"


def _dependency(module: str, step: str, root: Path) -> str:
    """Return the path that dvc.yaml lists for a module: the folder of a step or of a package beside components."""
    parts = module.split(".")
    if parts[:2] == ["components", step]:
        return f"components/{step}"
    if parts[0] != "components":
        return parts[0]
    return _path(module, root).relative_to(root).as_posix()


def check_dependencies(
    write: Annotated[bool, Option("--write", help="Update dvc.yaml instead of checking it.")] = False,
) -> None:
    """Check that dvc.yaml names the code that can change each stage's result."""
    path = ROOT / "dvc.yaml"
    if write:
        write_dependencies(path)
    if stale := stale_stages(path):
        lines = "; ".join(f"{step}: {', '.join(paths)}" for step, paths in stale.items())
        raise UserError(f"{path}: deps differ from the imports ({lines}): run this command with --write")
    print("code_dependencies: dvc.yaml names the code of every stage", file=sys.stderr)


if __name__ == "__main__":
    run_step_command(check_dependencies, "components.core.tracking.code_dependencies")
