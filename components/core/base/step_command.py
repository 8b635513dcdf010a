"""The command line of every `python -m components.<step>`: options, one line for an error, an exit code."""

import os
import sys
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import typer

from components.core.base.errors import UserError
from components.core.base.exit_codes import ExitCode
from components.core.base.garbage_collection import exclude_imports_from_collection
from components.core.base.outages import is_outage, outage_reason
from components.core.base.process_lifetime import end_with_parent
from components.core.base.secret_masking import without_secrets

AGAIN = "run the same command again when it is back"
"""The end of the line about a server or store that does not answer."""


def run_step_command(work: Callable[..., None], module: str) -> None:
    """Run `work` as the program `python -m <module>`: typer makes its parameters options, then `run_step` runs it.

    An error in the command line is typer's usage text and exit code 2.
    """
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    parsed: list[Callable[[], None]] = []

    @app.command(context_settings={"help_option_names": ["-h", "--help"]})
    @wraps(work)
    def read_options(*arguments: Any, **options: Any) -> None:
        parsed.append(partial(work, *arguments, **options))

    try:
        app(prog_name=f"python -m {module}")
    except SystemExit:  # typer always ends with it: after `--help`, after an error, after reading the options
        if not parsed:
            raise
    run_step(parsed[0])


def run_step(work: Callable[[], None]) -> None:
    """Run a step's work as a program, and end with one of the exit codes of exit_codes.py.

    A user's error and an outage are one line on stderr. Under DVC or a flow the step ends with its parent, so it never
    outlives the orchestrator.
    """
    exclude_imports_from_collection()
    if runs_in_flow():
        end_with_parent()
    try:
        work()
    except KeyboardInterrupt:
        print("stemline: interrupted; start the same command again to go on", file=sys.stderr)
        sys.exit(ExitCode.INTERRUPTED)
    except Exception as error:
        line = error_line(error)
        if line is None:
            raise
        print(f"stemline: {without_secrets(line)}", file=sys.stderr)
        sys.exit(ExitCode.OUTAGE if is_outage(error) else ExitCode.USER_ERROR)


def runs_in_flow() -> bool:
    """Return whether DVC or a flow started this process, so that no person waits in front of it."""
    return "DVC_ROOT" in os.environ or "STEMLINE_FLOW" in os.environ


def error_line(error: Exception) -> str | None:
    """Return the line about a user's error or an outage; None for an error of the code, which needs its traceback."""
    if isinstance(error, UserError):
        return f"{error}; {AGAIN}" if is_outage(error) else str(error)
    if isinstance(error, OSError) and error.errno is not None:
        # a full disk shows while writing, when the system no longer names the file
        where = error.filename2 or error.filename or "a file that was being written"
        return f"{where}: {os.strerror(error.errno)}"
    reason = outage_reason(error)
    return f"{reason}; {AGAIN}" if reason else None
