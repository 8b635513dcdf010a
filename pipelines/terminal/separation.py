"""The verbs about stems: `separate`, `lineage` and `reproduce`."""

import os
import signal
import subprocess
import sys
from typing import Annotated, Any

import typer

from components.core.base.exit_codes import ExitCode
from components.core.base.process_lifetime import bind_to_this_process
from components.core.base.secret_masking import without_secrets
from components.core.base.section_options import as_arguments, given_options, with_options
from components.core.base.step_command import error_line
from components.separate.config import JobOptions, SeparateConfig
from pipelines.terminal.module_launch import exec_module

Stem = Annotated[str, typer.Argument(help="A stem's file, or its s3:// address.")]


@with_options(SeparateConfig, JobOptions)
def separate(
    source: Annotated[str, typer.Argument(help="A recording, a folder of recordings, or s3://bucket/folder.")],
    destination: Annotated[str, typer.Argument(help="A folder or s3://bucket/folder for the stems.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be done, and do nothing.")] = False,
    pool: Annotated[str | None, typer.Option(help="A Prefect work pool whose workers share the catalogue.")] = None,
    shards: Annotated[int, typer.Option(min=1, help="Largest number of shards; needs --pool.")] = 4,
    **options: Any,
) -> None:
    """Separate recordings into stems that add up to them, each with a file that says how it was made.

    Finished recordings are skipped; bad ones go to quarantine with a reason. Exit codes: 0 all separated, 2 the command
    or the set-up is wrong, 3 some failed (run it again), 4 some are in quarantine, 75 a server or store did not answer
    (run it again).
    """
    arguments = as_arguments({**given_options(options, SeparateConfig), **given_options(options, JobOptions)})
    if pool and not dry_run:
        from pipelines.flows import catalogue_separation

        catalogue_separation.run(source, destination, pool, shards, arguments)
        return
    switches = ["--dry-run"] if dry_run else []
    step = ("components.separate", *arguments, *switches, "--", source, destination)
    if os.environ.get("PREFECT_API_URL") and not dry_run:
        sys.exit(separate_and_report_drift([sys.executable, "-m", *step], destination))
    exec_module(*step)


def lineage(stem: Stem) -> None:
    """Print the origin of a stem: recording, model, training run, data, code, packages and parameters."""
    exec_module("components.separate.lineage.trace", "--", stem)


def reproduce(
    stem: Stem,
    source: Annotated[str | None, typer.Option(help="The recording, if it has moved.")] = None,
    model: Annotated[str | None, typer.Option(help="The model, if it has moved.")] = None,
) -> None:
    """Make a stem again from its recording, and compare: bit for bit on the same kind of machine."""
    exec_module("components.separate.lineage.reproduce", "--", stem, source=source, model=model)


def separate_and_report_drift(command: list[str], destination: str) -> int:
    """Run a separation in this terminal, send Prefect's server an event if it found drift; return its exit code.

    A server that does not answer costs only a line on stderr: the stems are complete.
    """
    code = _run_in_terminal(command)
    if code in (ExitCode.DONE, ExitCode.SOME_QUARANTINED):
        server = without_secrets(os.environ["PREFECT_API_URL"])
        try:
            from pipelines.server.events import send_drift_event

            if send_drift_event(destination):
                print(f"separate: {server} received the event about the drift")
        except Exception as error:  # no error of the server is an error of the separation
            reason = without_secrets(error_line(error) or " ".join(f"{type(error).__name__}: {error}".split()))
            print(
                f"stemline: {server} did not receive the event about the catalogue's drift: {reason}", file=sys.stderr
            )
    return code


def _run_in_terminal(command: list[str]) -> int:
    """Run a command that gets Ctrl-C from the terminal, SIGTERM from this process, and ends with this process."""
    process = subprocess.Popen(bind_to_this_process(command))
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN),
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda number, frame: process.terminate()),
    }
    try:
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code
