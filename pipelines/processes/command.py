"""Commands of the pipeline: started with a log, tied to the process that starts them, and ended in one line."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from components.core.base.exit_codes import ExitCode
from components.core.base.outages import is_outage
from components.core.base.process_lifetime import bind_to_this_process
from components.core.base.secret_masking import without_secrets
from components.core.base.step_command import error_line
from pipelines.processes.dvc import failure_line, is_store_outage, stage_exit_code

_STEP_ERROR = "stemline: "


class CommandError(Exception):
    """A command failed; the message is the line that says why."""


class OutageError(CommandError):
    """A command failed because a server or store did not answer: the same command succeeds later."""


def run_command(
    command: list[str],
    log: Callable[[str], None] | None = None,
    accepted_codes: tuple[int, ...] = (0,),
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> list[str]:
    """Run a command in `folder`, pass every line it prints to `log`, and return the lines; secrets are masked.

    The programs of this Python environment come first on PATH, so the `python` in dvc.yaml is this one. `environment`
    is added to the variables of this process.

    Raises OutageError when the command, or the DVC stage in it, ends with ExitCode.OUTAGE, or when DVC's store does
    not answer. Raises CommandError for any other exit code that is not in `accepted_codes`.
    """
    variables = {
        **os.environ,
        **(environment or {}),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONUNBUFFERED": "1",
        "STEMLINE_FLOW": "1",
    }
    lines: list[str] = []
    with subprocess.Popen(
        bind_to_this_process(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        cwd=folder, env=variables,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line := without_secrets(line.rstrip()):
                    lines.append(line)
                    if log:
                        log(line)
        except BaseException:  # a cancelled run does not wait for a command that hangs
            process.kill()
            raise
    if process.returncode not in accepted_codes:
        raise _error(process.returncode, lines, command)
    return lines


def _error(code: int, lines: list[str], command: list[str]) -> CommandError:
    reason = _reason(lines) or f"`{' '.join(command)}` failed and printed nothing"
    outage = ExitCode.OUTAGE in (code, stage_exit_code(lines)) or is_store_outage(lines)
    return OutageError(reason) if outage else CommandError(reason)


def _reason(lines: list[str]) -> str | None:
    """Return a step's own error line if there is one, else DVC's, else the last line."""
    for line in reversed(lines):
        if line.startswith(_STEP_ERROR):
            return line.removeprefix(_STEP_ERROR)
    return failure_line(lines) or (lines[-1] if lines else None)


def run_to_exit_code(work: Callable[[], object]) -> int:
    """Do `work` as a whole program and return its exit code; a user's mistake is one line on stderr."""
    try:
        work()
    except KeyboardInterrupt:
        print("stemline: interrupted; start the same command again to go on", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except Exception as error:
        print(f"stemline: {describe_error(error)}", file=sys.stderr)
        return ExitCode.OUTAGE if is_outage_error(error) else ExitCode.USER_ERROR
    return ExitCode.DONE


def describe_error(error: Exception) -> str:
    """Return the line, without secrets, about an error that a user can repair; raises `error` if it is a bug."""
    line = str(error) if isinstance(error, CommandError) else error_line(error)
    if line is None:
        raise error
    return without_secrets(line)


def is_outage_error(error: Exception) -> bool:
    """Return whether a server or store that did not answer caused the error."""
    return isinstance(error, OutageError) or (not isinstance(error, CommandError) and is_outage(error))
