"""Commands of the pipeline, run so that their lines are seen, and that they end with the flow."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from components.core.base.exit_codes import ExitCode
from components.core.base.outages import reports_outage
from components.core.base.process_lifetime import bind_to_this_process
from components.core.base.secrets import without_secrets
from components.core.base.step_command import AGAIN, error_line

_DVC_ERROR = "ERROR: "


class CommandError(Exception):
    """A command ended with an error; the message is its last line."""


class OutageError(CommandError):
    """A command ended since something did not answer: later it will do."""


def run_command(
    command: list[str],
    say: Callable[[str], None],
    fine: tuple[int, ...] = (0,),
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> list[str]:
    """Run a command, hand every line it prints, without secrets, to `say`, and return them.

    Raises CommandError when it fails, that is, when its exit code is not in `fine`, and OutageError when waiting is the
    cure. It runs in `folder`, and with `environment` beside this process's own.

    The programs of this environment come first on PATH, so that the `python` in dvc.yaml is this one.
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
                    say(line)
        except BaseException:  # a run that is cancelled does not wait for a command that hangs
            process.kill()
            raise
    if process.returncode not in fine:
        reason = _reason(lines, command)
        raise OutageError(reason) if reason.endswith(AGAIN) else CommandError(reason)
    return lines


def _reason(lines: list[str], command: list[str]) -> str:
    """The line that a step wrote for its user, if there is one, else DVC's, else the last one."""
    for line in reversed(lines):
        if line.startswith("stemline: "):
            return line.removeprefix("stemline: ")
    for line in reversed(lines):
        if line.startswith(_DVC_ERROR):  # what follows it is advice
            said = line.removeprefix(_DVC_ERROR).removeprefix("unexpected error - ")
            return f"{said}; {AGAIN}" if reports_outage(said) else said
    return lines[-1] if lines else f"`{' '.join(command)}` failed without a word"


def one_line(command: Callable[[], object]) -> int:
    """Run `command` as a program; return its exit code, with one line on stderr for what a user can mend."""
    try:
        command()
    except Exception as error:
        print(f"stemline: {said_of(error)}", file=sys.stderr)
        return ExitCode.USER_ERROR
    except KeyboardInterrupt:
        print("stemline: interrupted; start the same command again to go on", file=sys.stderr)
        return ExitCode.INTERRUPTED
    return 0


def said_of(error: Exception) -> str:
    """Return the line, without secrets, for what a user can mend; raises `error` where it is a mistake of ours."""
    said = str(error) if isinstance(error, CommandError) else error_line(error)
    if said is None:
        raise error
    return without_secrets(said)
