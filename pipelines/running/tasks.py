"""A command as a Prefect task, with the command's lines in the task's log."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from components.core.base.outages import report_waiting
from pipelines.processes.command import CommandError, OutageError, run_command
from pipelines.running.flow_runs import retry_delays

_OUTAGE = "Outage"


def _drop_empty_traceback(record: logging.LogRecord) -> bool:
    """Drop `NoneType: None`, which Prefect logs as the traceback of a failed state without an exception."""
    if record.exc_info and record.exc_info[0] is None:
        record.exc_info = None
    return True


logging.getLogger("prefect.task_runs").addFilter(_drop_empty_traceback)
report_waiting(
    "prefect.client",
    ("Encountered retryable", "Received response with retryable"),
    "Prefect's server",
)


def _is_outage(task: Any, run: Any, state: State[Any]) -> bool:
    return state.name == _OUTAGE


def run_as_task(
    name: str,
    command: list[str],
    was_unchanged: Callable[[list[str]], bool] | None = None,
    leave_out: Callable[[str], bool] | None = None,
    accepted_codes: tuple[int, ...] = (0,),
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> list[str]:
    """Run `command` as a task called `name`, and return its lines; raises CommandError when it fails.

    Prefect caches nothing: the command itself knows whether there is something to do. The task's state is called
    Unchanged when `was_unchanged` is true of the lines. Lines for which `leave_out` is true are not logged. In runs of
    deployments an outage is tried again. `accepted_codes`, `folder` and `environment` are those of `run_command`.
    """
    lines: list[str] = []
    delays = retry_delays()

    @task(
        name=name, task_run_name=name, cache_policy=NO_CACHE,
        retries=len(delays), retry_delay_seconds=list(delays), retry_condition_fn=_is_outage,
    )  # fmt: skip
    def run() -> Any:
        logger = get_run_logger()
        lines.clear()

        def log(line: str) -> None:
            if not (leave_out and leave_out(line)):
                logger.info(line)

        try:
            lines.extend(run_command(command, log, accepted_codes, folder, environment))
        except CommandError as error:
            # a state instead of an exception: no traceback for what a user can repair
            return Failed(message=str(error), name=_OUTAGE if isinstance(error, OutageError) else "Failed")
        return Completed(name="Unchanged" if was_unchanged and was_unchanged(lines) else "Completed")

    state = run(return_state=True)
    if state.is_failed():
        failure = f"{name}: {state.message}"
        raise OutageError(failure) if state.name == _OUTAGE else CommandError(failure)
    return lines
