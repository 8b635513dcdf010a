"""Runs of flows in this process: their start, their failed state, and their retries after an outage.

Only runs of deployments retry by themselves, because nobody watches and restarts those.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from prefect import Flow, get_run_logger, runtime
from prefect.client.schemas.objects import State
from prefect.states import Failed

from pipelines.processes.command import CommandError, OutageError, describe_error, is_outage_error
from pipelines.processes.reaper import start_reaper

RETRY_DELAYS = (60.0, 300.0, 900.0)
"""Seconds before each further try, in runs of deployments."""

Result = TypeVar("Result")


def run_flow(flow: Flow[..., Any], **parameters: Any) -> State[Any]:
    """Run a flow in this process and return its final state; raises CommandError, with one line, when it fails."""
    start_reaper()
    state = cast(State[Any], flow(**parameters, return_state=True))
    if not state.is_completed():
        error = getattr(state.data, "result", None)  # Prefect keeps the state's data in a record
        raise error if isinstance(error, CommandError) else CommandError(state.message or f"the flow is {state.name}")
    return state


def failed_state(error: Exception) -> State[Any]:
    """Return the failed state of a flow, with `error` as one line; raises `error` again if it is a bug."""
    line = describe_error(error)
    return Failed(message=line, data=OutageError(line) if is_outage_error(error) else CommandError(line))


def retry_delays() -> tuple[float, ...]:
    """Return the seconds before each further try of this run: none in a terminal, where a person reads the error."""
    return RETRY_DELAYS if runtime.deployment.id else ()


def retry_outages(work: Callable[[], Result], delays: tuple[float, ...] | None = None) -> Result:
    """Return the result of `work`, which calls servers and may be repeated; try again after an outage.

    A failed step is not repeated here: it is a task with its own retries (tasks.py). `delays` are the seconds between
    tries. A caller that retries often passes them, because `retry_delays` calls the server too.
    """
    for seconds in retry_delays() if delays is None else delays:
        try:
            return work()
        except Exception as error:
            if isinstance(error, CommandError) or not is_outage_error(error):
                raise
            get_run_logger().warning("%s; next try in %g s", describe_error(error), seconds)
        time.sleep(seconds)
    return work()
