"""Retries after an outage, for runs of deployments: nobody watches these runs and starts them again."""

import time
from collections.abc import Callable
from typing import TypeVar

from prefect import get_run_logger, runtime

from pipelines.processes.command import CommandError, describe_error, is_outage_error

RETRY_DELAYS = (60.0, 300.0, 900.0)
"""Seconds before each further try, in runs of deployments."""

Result = TypeVar("Result")


def retry_delays() -> tuple[float, ...]:
    """Return the seconds before each further try of this run: none in a terminal, where a person reads the error."""
    return RETRY_DELAYS if runtime.deployment.id else ()


def retry_outages(work: Callable[[], Result], delays: tuple[float, ...] | None = None) -> Result:
    """Return the result of `work`, which asks servers and may be repeated; try again after an outage.

    A step inside `work` is a task with retries of its own (tasks.py), so its failure is final. `delays` are the seconds
    between tries, for callers who ask often: reading them asks the server as well.
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
