"""Typed sections of params.yaml: every step reads its own section, and no other."""

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from components.core.base.errors import UserError

PARAMS = Path("params.yaml")
"""The file with a section for every step, in the root of a project."""

PACKAGED_PARAMS = Path(__file__).parents[2] / "params.yaml"
"""The params.yaml of the repository, which every installation of Stemline holds."""


class Section(BaseModel):
    """A frozen, strictly typed part of params.yaml; an unknown key or a wrong type is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


SectionT = TypeVar("SectionT", bound=Section)

Location = tuple[int | str, ...]
"""The keys that lead to a value: `("train", "network", "widths", 0)`."""


_SIMILAR_SECTIONS = 0.75  # difflib's ratio; that of `gate` and `separate` is 0.67


class ParameterError(UserError):
    """Values that do not fit their section; `problems` says what is wrong, by the location of each value."""

    def __init__(self, problems: Mapping[Location, str], where: str) -> None:
        super().__init__(f"{where}: {'; '.join(f'{_name(place)}: {text}' for place, text in problems.items())}")
        self.problems = problems


class ParameterFile:
    """A params.yaml: its values, and the line of each of them.

    `changes` are values that replace those of the file, e.g. {"train.steps": 600}.
    """

    def __init__(self, text: str, name: str = str(PARAMS), changes: Mapping[str, Any] | None = None) -> None:
        """Read the `text` of the file `name`; raises UserError, one line, when it is not YAML."""
        self._text, self._name, self._changes = text, name, changes or {}
        try:
            # YAML 1.2, as DVC reads and writes it; in YAML 1.1, which PyYAML reads, 1e-05 is a string
            values = YAML(typ="safe").load(text)
        except YAMLError as error:
            raise UserError(f"{name} is not valid YAML: {' '.join(str(error).split())}") from None
        self.values: dict[str, Any] = values if isinstance(values, dict) else {}
        for changed, value in self._changes.items():
            *sections, last = changed.split(".")
            section = self.values
            for key in sections:
                section = section.setdefault(key, {})
            section[last] = value

    def section(self, name: str, schema: type[SectionT]) -> SectionT:
        """Return the section `name` as `schema`; raises UserError, one line, when it is missing or a value is wrong."""
        if name not in self.values:
            for similar in get_close_matches(name, self.values, n=1, cutoff=_SIMILAR_SECTIONS):
                raise UserError(f"{self._place((similar,))}: {similar}: no such section (did you mean '{name}'?)")
            raise UserError(f"{self._name} has no section '{name}': add it (see the params.yaml of the repository)")
        try:
            return parse_section(name, self.values[name], schema, self._name)
        except ParameterError as error:
            lines = [f"{self._place(place)}: {_name(place)}: {text}" for place, text in error.problems.items()]
            raise UserError("; ".join(lines)) from None

    def _place(self, location: Location) -> str:
        """Return `params.yaml:41` for a value in line 41, or of a value that is missing in the section in line 41."""
        if any(_name(location[:length]) in self._changes for length in range(1, len(location) + 1)):
            return "--set"
        return f"{self._name}:{_find_line(YAML().compose(self._text), location)}"


def load_section(section: str, schema: type[SectionT], path: Path = PARAMS) -> SectionT:
    """Read the section `section` of the YAML file `path` as `schema`.

    Raises UserError, one line, when the file or the section is missing, or a value in it is wrong.
    """
    return read_parameters(path).section(section, schema)


def load_section_or_default(section: str, schema: type[SectionT], path: Path = PARAMS) -> SectionT:
    """Read a section as `load_section` does; where there is no file at `path`, from Stemline's own params.yaml."""
    return load_section(section, schema, path if path.is_file() else PACKAGED_PARAMS)


def read_parameters(path: Path = PARAMS, changes: Mapping[str, Any] | None = None) -> ParameterFile:
    """Read a params.yaml; raises UserError, one line, when it is missing or is not YAML."""
    try:
        return ParameterFile(path.read_text(encoding="utf-8"), str(path), changes)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: run from the root of the project, where it lies") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not valid YAML: {error}") from None


def parse_section(section: str, values: object, schema: type[SectionT], where: str) -> SectionT:
    """Validate `values`, as YAML or JSON gave them, as `schema`; by the rules of JSON a list stands for a tuple.

    Raises ParameterError, a UserError, when a value is wrong.
    """
    try:
        return schema.model_validate_json(json.dumps(values, default=str), strict=True)
    except ParameterError as error:  # of a section inside this one
        raise ParameterError({(section, *place): text for place, text in error.problems.items()}, where) from None
    except ValidationError as error:
        raise ParameterError(_describe_problems(section, error.errors(), schema), where) from None


def _name(location: Location) -> str:
    return ".".join(map(str, location))


def _find_line(node: Node, location: Location) -> int:
    """Return the line, from 1, of the key at `location`; where it is missing, of the innermost key that is there."""
    line: int = node.start_mark.line
    for part in location:
        if isinstance(node, MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
        elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
            found = (node.value[part], node.value[part])
        else:
            found = None
        if found is None:
            break
        line, node = found[0].start_mark.line, found[1]
    return line + 1


def _describe_problems(section: str, problems: Sequence[ErrorDetails], schema: type[BaseModel]) -> dict[Location, str]:
    """Return the problems by location; a parameter is not missing when another one is a misspelling of it."""
    similar = {
        problem["loc"]: get_close_matches(str(problem["loc"][-1]), _known_names(schema, problem["loc"][:-1]), n=1)
        for problem in problems
        if problem["type"] == "extra_forbidden"
    }
    meant = {(*location[:-1], word) for location, words in similar.items() for word in words}
    described: dict[Location, str] = {}
    for problem in sorted(problems, key=lambda problem: problem["loc"] not in similar):
        location = problem["loc"]
        if location in similar:
            words = similar[location]
            described[section, *location] = f"no such parameter{f' (did you mean {words[0]!r}?)' if words else ''}"
        elif problem["type"] != "missing":
            described[section, *location] = _describe_value(section, problem)
        elif location not in meant:
            described[section, *location] = f"missing: add it{_example(section, location)}"
    return described


def _describe_value(section: str, problem: ErrorDetails) -> str:
    message = problem["msg"].removeprefix("Value error, ")
    for english, plain in _PLAIN_WORDS.items():
        message = message.replace(english, plain)
    shown = "" if isinstance(problem["input"], dict) else f", got {problem['input']!r}"
    return f"{message}{shown}{_example(section, problem['loc'], ': write', problem['input'])}"


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


def _example(section: str, location: Sequence[int | str], verb: str = ",", wrong: object = None) -> str:
    """Return `<verb> e.g. <value>`, the value in Stemline's own params.yaml.

    Empty where that file has none, and where it has the `wrong` value: in the repository it is the user's own file.
    """
    value = read_parameters(PACKAGED_PARAMS).values.get(section)
    for part in location:
        value = value.get(part) if isinstance(value, dict) else None
    return "" if value is None or value == wrong or isinstance(value, dict) else f"{verb} e.g. {value}"


def _known_names(schema: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """Return the keys of the section at `location` within `schema`; none where its type is not a single section."""
    for part in location:
        field = schema.model_fields.get(str(part))
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        schema = inner
    return list(schema.model_fields)
