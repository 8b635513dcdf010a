"""Options of a command, made from the fields of a typed section, so that each is declared once.

A field becomes the option `--its-name`; its description is the help. An option that is not given leaves the field as
it is.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Optional, TypeVar, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from components.core.base.params import Section

WorkT = TypeVar("WorkT", bound=Callable[..., None])


def with_options(*schemas: type[Section]) -> Callable[[WorkT], WorkT]:
    """Return a decorator for a typer command: it gets an option for each plain field of `schemas`.

    The values arrive as keyword arguments; see `given_options`. Fields that are sections become no options.
    """

    def decorate(work: WorkT) -> WorkT:
        own = [
            parameter
            for parameter in inspect.signature(work).parameters.values()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        parameters = [*own, *(parameter for schema in schemas for parameter in _make_parameters(schema))]
        work.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        work.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return work

    return decorate


def given_options(options: Mapping[str, Any], schema: type[Section]) -> dict[str, Any]:
    """Return those of a command's `options` that were given and are fields of `schema`."""
    return {
        name: value for name, value in options.items() if name in schema.model_fields and value not in (None, [], ())
    }


def as_arguments(options: Mapping[str, Any]) -> list[str]:
    """Return given options as the arguments of a command line."""
    return [argument for name, value in options.items() for argument in _as_arguments(name, value)]


def _as_arguments(name: str, value: Any) -> list[str]:
    option = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    values = value if isinstance(value, list | tuple) else [value]
    return [argument for one in values for argument in (f"--{option}", str(one))]


def _make_parameters(schema: type[Section]) -> Iterator[inspect.Parameter]:
    for name, field in schema.model_fields.items():
        plain = _find_plain_type(field)
        if plain is not None:
            option = typer.Option(*_name_option(name, field), help=field.description)
            annotation: Any = Annotated[Optional[plain], option]  # noqa: UP045
            yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _name_option(name: str, field: FieldInfo) -> tuple[str, ...]:
    option = f"--{name.replace('_', '-')}"
    # a switch that is off by default needs no option that turns it off
    return (f"{option}/--no-{option[2:]}",) if field.annotation is bool and field.is_required() else (option,)


def _find_plain_type(field: FieldInfo) -> Any:
    """Return the type that typer reads for a field; None for a field that can't be an option."""
    annotation = field.annotation
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(one for one in get_args(annotation) if one is not type(None))
    if get_origin(annotation) is Literal:
        return str
    if get_origin(annotation) is tuple:
        return list[str]
    return annotation if annotation in (str, int, float, bool, Path) else None
