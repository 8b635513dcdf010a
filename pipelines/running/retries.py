"""Retries after an outage, in runs of deployments, because nobody watches and restarts those."""

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
