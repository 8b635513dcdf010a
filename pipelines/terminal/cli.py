"""The command `stemline`: its verbs by group, its version, and one line for a mistake in the command line."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial, wraps
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

from components.core.base.exit_codes import ExitCode
from pipelines.processes.command import run_to_exit_code
from pipelines.terminal import operations, separation, training

_GROUPS: dict[str, tuple[Callable[..., None], ...]] = {
    "Train and compare": (training.run, training.retrain, training.compare, training.systems),
    "Separate": (separation.separate, separation.lineage, separation.reproduce),
    "Models": (operations.convert, operations.export),
    "The live model": (
        operations.status,
        operations.history,
        operations.promote,
        operations.rollback,
        operations.repair,
    ),
    "Operate": (operations.doctor, operations.report, operations.deploy, operations.serve),
}
_PASSES_OPTIONS_ON = {operations.convert}

# typer does not export the base class of its errors in the command line
_COMMAND_LINE_ERRORS: tuple[type[Exception], ...] = tuple(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"
)


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr and exit code 2."""
    chosen: list[Callable[[], None]] = []
    try:
        code = _app(chosen.append)(prog_name="stemline", standalone_mode=False)
    except _COMMAND_LINE_ERRORS as error:
        print(f"stemline: {_one_line(error)}", file=sys.stderr)
        sys.exit(ExitCode.USER_ERROR)
    # outside typer, which would answer Ctrl-C and a broken pipe in its own way
    sys.exit(run_to_exit_code(chosen[0]) if chosen else code)


def _app(choose: Callable[[Callable[[], None]], None]) -> typer.Typer:
    """Return the parser of the command line, which passes the verb with its options to `choose`."""
    app = typer.Typer(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)

    @app.callback(invoke_without_command=True)
    def stemline(
        context: typer.Context,
        version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
    ) -> None:
        """Train a network that separates the voice from the music, measure it, and separate whole catalogues.

        Start with `stemline run`, then `stemline separate SONG FOLDER`.
        """
        if version:
            choose(_print_version)
        elif context.invoked_subcommand is None:
            print(context.get_help())

    for group, verbs in _GROUPS.items():
        for verb in verbs:
            settings = {"ignore_unknown_options": verb in _PASSES_OPTIONS_ON}
            app.command(rich_help_panel=group, context_settings=settings)(_deferred(verb, choose))
    return app


def _deferred(verb: Callable[..., None], choose: Callable[[Callable[[], None]], None]) -> Callable[..., None]:
    @wraps(verb)
    def read_options(*arguments: Any, **options: Any) -> None:
        choose(partial(verb, *arguments, **options))

    return read_options


def _one_line(error: Any) -> str:
    """Return a mistake in the command line as one line, with the help that explains it."""
    message = " ".join(error.format_message().split()).rstrip(".")
    path = error.ctx.command_path if getattr(error, "ctx", None) else "stemline"
    return f"{message[:1].lower()}{message[1:]} (see `{path} --help`)"


def _print_version() -> None:
    """Print the package's version, and the commit if it runs from a checkout."""
    commit = ""
    root = Path(__file__).parents[2]
    if (root / ".git").exists():
        command = ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"]
        commit = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    print(f"stemline {metadata.version('stemline')}{f' (commit {commit})' if commit else ''}")


if __name__ == "__main__":
    main()
