"""How a verb of `stemline` becomes the program of a step, and the type of --set that verbs share."""

import os
import sys
from collections.abc import Mapping
from typing import Annotated, NoReturn

import typer

Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", "-S", metavar="NAME=VALUE", help="A parameter, e.g. train.steps=100. Repeatable."),
]
"""The option --set of the verbs that take parameters."""


def run_module(module: str, *arguments: str) -> NoReturn:
    """Replace this process by `python -m <module>`: the verb imports nothing of what the module needs."""
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])


def to_arguments(options: Mapping[str, object]) -> list[str]:
    """Return options as command line words: None and False are left out, True is a switch, a list is repeated."""
    arguments: list[str] = []
    for name, value in options.items():
        values = value if isinstance(value, list) else [value]
        for item in values:
            if item is True:
                arguments.append(name)
            elif item is not None and item is not False:
                arguments += [name, str(item)]
    return arguments
