"""Setting values of params.yaml from the command line: written to the file, so that what ran can be run again."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from components.core.base.errors import UserError
from components.core.base.files import whole_file


def set_parameters(assignments: list[str], path: Path = Path("params.yaml")) -> list[str]:
    """Apply `section.name=value` assignments (values as YAML) to the file, comments kept; return what changed.

    Raises UserError when an assignment names no existing parameter or is no YAML.
    """
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 120
    document = _load(yaml, path)
    changes = []
    for assignment in assignments:
        name, sign, text = assignment.partition("=")
        keys = name.strip().split(".")
        section = document
        for key in keys[:-1]:
            section = section.get(key) if isinstance(section, dict) else None
        if not sign or not isinstance(section, dict) or keys[-1] not in section:
            raise UserError(f"'{assignment}' sets no parameter of {path}: write e.g. train.steps=100")
        value = _parse(text, assignment)
        if section[keys[-1]] != value:
            changes.append(f"{name} = {text} (was {_plain(section[keys[-1]])})")
            section[keys[-1]] = value
    if changes:
        with whole_file(path) as partial:
            yaml.dump(document, partial)
    return changes


def _load(yaml: YAML, path: Path) -> Any:
    try:
        return yaml.load(path)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: run from the root of the project, where it lies") from None
    except YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None


def _parse(text: str, assignment: str) -> object:
    try:
        return YAML(typ="safe").load(text)
    except YAMLError:
        raise UserError(f"'{assignment}': the value is not YAML") from None


def _plain(value: object) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
