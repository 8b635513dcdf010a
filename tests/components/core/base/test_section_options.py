"""Options made from the fields of a typed section."""

from pathlib import Path
from typing import Any, Literal

import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner

from components.core.base.params import Section, parse_section
from components.core.base.section_options import as_arguments, given_options, with_options


class Inner(Section):
    size: int


class Paint(Section):
    colour: Literal["red", "blue"] = Field(description="Which colour.")
    layer_count: int
    thickness: float
    glossy: bool
    shapes: tuple[str, ...]
    inner: Inner
    limit: int | None = None
    folder: Path = Path("here")
    again: bool = False


def _run(*arguments: str) -> tuple[int, str, dict[str, Any]]:
    """Run a command with the options of Paint; return exit code, output, and the options that were given."""
    given: dict[str, Any] = {}
    app = typer.Typer()

    @app.command()
    @with_options(Paint)
    def paint(canvas: str, **options: Any) -> None:
        given.update(given_options(options, Paint), canvas=canvas)

    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "150", "TERM": "dumb"})
    return result.exit_code, result.output, given


def test_missing_option_leaves_its_field_out() -> None:
    assert _run("wall") == (0, "", {"canvas": "wall"})


def test_each_plain_field_becomes_an_option() -> None:
    arguments = ("--colour", "red", "--layer-count", "0", "--thickness", "0.5", "--no-glossy", "--shapes", "a")
    code, _, given = _run(*arguments, "--shapes", "b", "--limit", "3", "--folder", "x", "--again", "wall")
    assert code == 0
    assert given == {
        "colour": "red",
        "layer_count": 0,
        "thickness": 0.5,
        "glossy": False,
        "shapes": ["a", "b"],
        "limit": 3,
        "folder": Path("x"),
        "again": True,
        "canvas": "wall",
    }


def test_help_comes_from_the_description() -> None:
    code, output, _ = _run("--help")
    assert code == 0
    assert "Which colour." in output
    assert "--inner" not in output


@pytest.mark.parametrize("arguments", [("--layer-count", "many", "wall"), ("--unknown", "wall"), ()])
def test_mistake_ends_with_2(arguments: tuple[str, ...]) -> None:
    assert _run(*arguments)[0] == 2


def test_options_become_the_same_command_line_again() -> None:
    options = {"colour": "red", "glossy": False, "shapes": ["a", "b"], "again": True}
    arguments = as_arguments(options)
    assert arguments == ["--colour", "red", "--no-glossy", "--shapes", "a", "--shapes", "b", "--again"]
    assert _run(*arguments, "wall")[2] == {**options, "canvas": "wall"}


def test_options_fit_the_section() -> None:
    _, _, given = _run("--colour", "blue", "--shapes", "a", "wall")
    values = {"layer_count": 1, "thickness": 1.0, "glossy": True, "inner": {"size": 1}}
    section = parse_section("paint", {**values, **given_options(given, Paint)}, Paint, "command line")
    assert (section.colour, section.shapes) == ("blue", ("a",))
