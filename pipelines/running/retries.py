"""What did not get an answer is asked again a few times, in runs that nobody watches."""

from pipelines.running import prefect_environment  # noqa: F401, I001  (before Prefect, which reads its settings when imported)

import time
from collections.abc import Callable
from typing import TypeVar

from prefect import get_run_logger, runtime

from components.core.base.errors import Outage
from components.core.base.outages import outage_reason
from pipelines.running.command import CommandError, said_of

AGAIN_AFTER = (60.0, 300.0, 900.0)
"""Seconds between two tries, in runs of deployments."""

Result = TypeVar("Result")


def again_after() -> tuple[float, ...]:
    """Return the seconds between the tries of this run: none where a person waits, who is told at once."""
    return AGAIN_AFTER if runtime.deployment.id else ()


def patiently(work: Callable[[], Result], waits: tuple[float, ...] | None = None) -> Result:
    """Return what `work` returns, which asks servers itself and may be done over.

    The steps that it starts are tasks with tries of their own (tasks.py): where one has failed, so has the work.
    `waits` are the seconds between the tries, for those who ask often: to find them out asks the server as well.
    """
    for seconds in again_after() if waits is None else waits:
        try:
            return work()
        except Exception as error:
            if isinstance(error, CommandError) or not (isinstance(error, Outage) or outage_reason(error)):
                raise
            get_run_logger().warning("%s; asked again in %g s", said_of(error), seconds)
        time.sleep(seconds)
    return work()
