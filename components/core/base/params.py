"""Typed sections of params.yaml: every step reads its own section, and no other."""

import json
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from components.core.base.errors import UserError

PARAMS = Path("params.yaml")
"""The file with a section for every step, in the root of a project."""

PACKAGED_PARAMS = Path(__file__).parents[2] / "params.yaml"
"""The params.yaml of the repository, which every installation of Stemline holds."""


class Section(BaseModel):
    """A frozen, strictly typed part of params.yaml; an unknown key or a wrong type is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


SectionT = TypeVar("SectionT", bound=Section)


def load_section(section: str, schema: type[SectionT], path: Path = PARAMS) -> SectionT:
    """Read the section `section` of the YAML file `path` as `schema`.

    Raises UserError, one line, when the file or the section is missing, or a value in it is wrong.
    """
    document = _read_yaml(path)
    if section not in document:
        similar = _suggestion(section, document)
        raise UserError(f"{path} has no section '{section}'{similar}: add it (see the params.yaml of the repository)")
    return parse_section(section, document[section], schema, str(path))


def load_section_or_default(section: str, schema: type[SectionT], path: Path = PARAMS) -> SectionT:
    """Read a section as `load_section` does; where there is no file at `path`, from Stemline's own params.yaml."""
    return load_section(section, schema, path if path.is_file() else PACKAGED_PARAMS)


def parse_section(section: str, values: object, schema: type[SectionT], where: str) -> SectionT:
    """Validate `values`, as YAML or JSON gave them, as `schema`; by the rules of JSON a list stands for a tuple."""
    try:
        return schema.model_validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        problems = [_describe_problem(section, problem, schema) for problem in error.errors()]
        raise UserError(f"{where}: {'; '.join(problems)}") from None


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        # YAML 1.2, as DVC reads and writes it; in YAML 1.1, which PyYAML reads, 1e-05 is a string
        document = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: run from the root of the project, where params.yaml lies") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    return document if isinstance(document, dict) else {}


def _describe_problem(section: str, problem: ErrorDetails, schema: type[BaseModel]) -> str:
    location = problem["loc"]
    name = ".".join([section, *(str(part) for part in location)])
    if problem["type"] == "extra_forbidden":
        return f"{name}: no such parameter{_suggestion(str(location[-1]), _known_names(schema, location[:-1]))}"
    if problem["type"] == "missing":
        return f"{name}: missing: add it{_example(section, location)}"
    message = problem["msg"].removeprefix("Value error, ")
    for english, plain in _PLAIN_WORDS.items():
        message = message.replace(english, plain)
    shown = "" if isinstance(problem["input"], dict) else f", got {problem['input']!r}"
    return f"{name}: {message}{shown}{_example(section, location, ': write')}"


_PLAIN_WORDS = {
    "Input should be a valid integer, got a number with a fractional part": "expected a whole number",
    "Input should be a valid integer": "expected a whole number",
    "Input should be a valid number": "expected a number",
    "Input should be a valid string": "expected a text",
    "Input should be a valid boolean": "expected true or false",
    "Input should be a valid array": "expected a list",
    "Input should be an object": "expected names and values (name: value)",
    "Input should be greater": "expected a number greater",
    "Input should be less": "expected a number less",
    "Input should be": "expected",
}
"""The beginnings of pydantic's messages, and what a user reads in their place; the first that fits is taken."""


def _suggestion(word: str, known: Iterable[str]) -> str:
    similar = get_close_matches(word, list(known), n=1)
    return f" (did you mean '{similar[0]}'?)" if similar else ""


def _example(section: str, location: Sequence[int | str], verb: str = ",") -> str:
    """Return `<verb> e.g. <value>`, the value in Stemline's own params.yaml; empty where it has none."""
    value = _read_yaml(PACKAGED_PARAMS).get(section)
    for part in location:
        value = value.get(part) if isinstance(value, dict) else None
    return "" if value is None or isinstance(value, dict) else f"{verb} e.g. {value}"


def _known_names(schema: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """Return the keys of the section at `location` within `schema`; none where its type is not a single section."""
    for part in location:
        field = schema.model_fields.get(str(part))
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        schema = inner
    return list(schema.model_fields)
