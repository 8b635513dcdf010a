"""The command line of every `python -m components.<step>`: options, one line for a mistake, an exit code."""

import os
import sys
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import typer

from components.core.base.errors import Outage, UserError
from components.core.base.exit_codes import ExitCode
from components.core.base.garbage_collection import exclude_imports_from_collection
from components.core.base.outages import outage_reason
from components.core.base.process_lifetime import end_with_parent
from components.core.base.secrets import without_secrets

AGAIN = "the same command goes on when that is back"
"""The end of the line about a server or store that does not answer."""


def run_step_command(work: Callable[..., None], module: str) -> None:
    """Run `work` as the program `python -m <module>`, with its parameters as options (typer), as `run_step` does.

    The command line is read before the work begins: a mistake in it is typer's usage text and exit code 2.
    """
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    asked_for: list[Callable[[], None]] = []

    @app.command()
    @wraps(work)
    def read_options(*arguments: Any, **options: Any) -> None:
        asked_for.append(partial(work, *arguments, **options))

    try:
        app(prog_name=f"python -m {module}")
    except SystemExit:  # typer ends so after `--help`, after a mistake, and after reading the options
        if not asked_for:
            raise
    run_step(asked_for[0])


def run_step(work: Callable[[], None]) -> None:
    """Run a step's work as a program: a user's mistake is one line on stderr and exit code 2, an
    outage is one line and 75, Ctrl-C is 130 (exit_codes.py).

    Under DVC or a flow the step is tied to its parent, so it never outlives the orchestrator.
    """
    exclude_imports_from_collection()
    if "DVC_ROOT" in os.environ or "STEMLINE_FLOW" in os.environ:
        end_with_parent()
    try:
        work()
    except KeyboardInterrupt:
        print("stemline: interrupted; start the same command again to go on", file=sys.stderr)
        sys.exit(ExitCode.INTERRUPTED)
    except Exception as error:
        said = error_line(error)
        if said is None:
            raise
        print(f"stemline: {without_secrets(said)}", file=sys.stderr)
        sys.exit(ExitCode.OUTAGE if is_outage(error) else ExitCode.USER_ERROR)


def error_line(error: Exception) -> str | None:
    """Return the line for an error that a user can mend, or that passes; None for a mistake of ours."""
    if isinstance(error, UserError):
        return f"{error}; {AGAIN}" if is_outage(error) else str(error)
    if isinstance(error, OSError) and error.errno is not None:
        # a full disk is met while writing, when the system no longer says which file
        where = error.filename2 or error.filename or "a file that was being written"
        return f"{where}: {os.strerror(error.errno)}"
    gone = outage_reason(error)
    return f"{gone}; {AGAIN}" if gone else None


def is_outage(error: Exception) -> bool:
    """Return whether a server or store that did not answer is behind the error.

    A UserError with words of its own still has in its context what did not answer.
    """
    return isinstance(error, Outage) or outage_reason(error) is not None
