"""Typed sections of params.yaml: every step reads its own, and only that."""

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from components.core.base.errors import UserError

PARAMS = Path("params.yaml")
"""The file that holds a section for every step, in the root of the project."""


class Section(BaseModel):
    """A frozen, strictly typed part of params.yaml; an unknown key or a wrong type is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


SectionT = TypeVar("SectionT", bound=Section)


def load_section(section: str, schema: type[SectionT], path: Path = PARAMS) -> SectionT:
    """Read the section `section` of the YAML file `path` as `schema`.

    Raises UserError, one line, when the file, the section or a value in it does not fit.
    """
    try:
        # YAML 1.2, as DVC reads and writes it: for 1.1, which PyYAML reads, 1e-05 is a text
        document = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: run from the root of the project, where params.yaml lies") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict) or section not in document:
        raise UserError(f"{path} has no section '{section}': add it (see the params.yaml of the repository)")
    return parse_section(section, document[section], schema, str(path))


def parse_section(section: str, values: object, schema: type[SectionT], where: str) -> SectionT:
    """Validate `values` (what YAML or JSON gave) as `schema`; JSON rules, so a list may stand for a tuple."""
    try:
        return schema.model_validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        raise UserError(f"{where}: {_one_line(section, error)}") from None


def _one_line(section: str, error: ValidationError) -> str:
    parts = []
    for problem in error.errors():
        name = ".".join([section, *(str(part) for part in problem["loc"])])
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "no such parameter"
        parts.append(f"{name}: {message} (got {problem['input']!r})")
    return "; ".join(parts)
