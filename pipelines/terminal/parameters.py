"""params.yaml as a verb sees it: checked before anything starts, with the values of `--set NAME=VALUE` in place."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from components.core.base.all_sections import require_no_mistakes
from components.core.base.errors import UserError
from components.core.base.files import whole_file
from components.core.base.params import PARAMS, read_parameters

Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", "-S", metavar="NAME=VALUE", help="A parameter, e.g. train.steps=100. Repeatable."),
]
"""The option --set of the verbs that take parameters."""


def read_assignments(assignments: list[str], path: Path = PARAMS) -> dict[str, Any]:
    """Return `section.name=value` assignments (values as YAML) by name, for one run only.

    Raises UserError when an assignment names no parameter of the file or its value is not YAML.
    """
    if not assignments:
        return {}
    document = _load(_yaml(), path)
    found = [_parse(document, assignment, path) for assignment in assignments]
    return {".".join(keys): value for keys, value in found}


def require_valid_parameters(changes: Mapping[str, Any] | None = None, path: Path = PARAMS) -> None:
    """Raise UserError, one line, when a section of the file, with `changes` in place, does not fit its step."""
    require_no_mistakes(read_parameters(path, changes))


def write_parameters(assignments: list[str], path: Path = PARAMS) -> list[str]:
    """Write `section.name=value` assignments to the file, so that the run can be repeated; return what changed.

    Comments and layout stay. Raises UserError as `read_assignments` does.
    """
    yaml = _yaml()
    document = _load(yaml, path)
    changes = []
    for assignment in assignments:
        (*sections, last), value = _parse(document, assignment, path)
        section = document
        for key in sections:
            section = section[key]
        if section[last] != value:
            name, _, text = assignment.partition("=")
            changes.append(f"{name} = {text} (was {_plain(section[last])})")
            section[last] = value
    if changes:
        with whole_file(path) as partial:
            yaml.dump(document, partial)
    return changes


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 120
    return yaml


def _load(yaml: YAML, path: Path) -> Any:
    try:
        return yaml.load(path)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: run from the root of the project, where it lies") from None
    except YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None


def _parse(document: Any, assignment: str, path: Path) -> tuple[list[str], Any]:
    """Return the keys and the value of an assignment."""
    name, sign, text = assignment.partition("=")
    keys = name.strip().split(".")
    section = document
    for key in keys[:-1]:
        section = section.get(key) if isinstance(section, dict) else None
    if not sign or not isinstance(section, dict) or keys[-1] not in section:
        similar = get_close_matches(keys[-1], section if isinstance(section, dict) else document, n=1)
        advice = f"did you mean {similar[0]}?" if similar else "write e.g. train.steps=100"
        raise UserError(f"'{assignment}' sets no parameter of {path}: {advice}")
    try:
        return keys, YAML(typ="safe").load(text)
    except YAMLError:
        raise UserError(f"'{assignment}': the value is not YAML: write e.g. train.steps=100") from None


def _plain(value: object) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
