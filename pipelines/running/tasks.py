"""A command as a Prefect task, with its lines in the task's log."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from components.core.base.outages import report_waiting
from pipelines.running.command import CommandError, OutageError, run_command
from pipelines.running.retries import again_after


def _without_empty_traceback(record: logging.LogRecord) -> bool:
    """Prefect logs a failed state with the current exception, and prints `NoneType: None` when there is none."""
    if record.exc_info and record.exc_info[0] is None:
        record.exc_info = None
    return True


logging.getLogger("prefect.task_runs").addFilter(_without_empty_traceback)
report_waiting(
    "prefect.client",
    ("Encountered retryable", "Received response with retryable"),
    "Prefect's server",
)


_OUTAGE = "Outage"


def _is_outage(task: Any, run: Any, state: State[Any]) -> bool:
    return state.name == _OUTAGE


def carry_out(
    name: str,
    command: list[str],
    unchanged: str = "\0",
    leave_out: tuple[str, ...] = (),
    fine: tuple[int, ...] = (0,),
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> list[str]:
    """Run `command` as a task called `name`, and return its lines; raises CommandError when it fails.

    Its state is called Unchanged when it printed a line with the text `unchanged`. Nothing is cached: whether there is
    something to do is for the command to know. In a run that nobody watches, one that did not get an answer is started
    again a few times. Lines with a text of `leave_out` are not logged; exit codes in `fine`
    are no failures; `folder` and `environment` are those of `run_command`.
    """
    lines: list[str] = []
    again = again_after()

    @task(
        name=name, task_run_name=name, cache_policy=NO_CACHE,
        retries=len(again), retry_delay_seconds=list(again), retry_condition_fn=_is_outage,
    )  # fmt: skip
    def run() -> Any:
        logger = get_run_logger()
        lines.clear()

        def say(line: str) -> None:
            if not any(text in line for text in leave_out):
                logger.info(line)

        try:
            lines.extend(run_command(command, say, fine, folder, environment))
        except CommandError as error:
            # a state, not an exception: no traceback for what a user can mend
            return Failed(message=str(error), name=_OUTAGE if isinstance(error, OutageError) else "Failed")
        return Completed(name="Unchanged" if any(unchanged in line for line in lines) else "Completed")

    state = run(return_state=True)
    if state.is_failed():
        raise CommandError(f"{name}: {state.message}")
    return lines
