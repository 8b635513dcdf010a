"""A job in this process: the real plan, stages and account, without processes, so that a test takes milliseconds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.core.models.addresses import fetch_model
from components.separate import job as module
from components.separate.config import SeparateConfig
from components.separate.job import Request
from components.separate.job_results import run_job
from components.separate.ledger.account import Summary
from components.separate.ledger.ledger_table import Row, read_rows
from components.separate.listing.plan import Task
from components.separate.workers.messages import Beat, Ended, Message, Order, Stopped, Troubled
from components.separate.workers.worker import Worker, separation_of
from components.separate.workers.worker_pool import GivenUp, Report


class HereCrew:
    """Does what a Crew does with one worker, in this process, and tries nothing twice."""

    def __init__(self, order: Order, size: int, devices: list[str]) -> None:
        self._order = order

    def work(self, tasks: list[Task]) -> Iterator[Report]:
        """Yield what becomes of the tasks."""
        said: list[Message] = []
        worker = Worker(self._order, separation_of(self._order, "cpu"), said.append)
        for task in tasks:
            worker.give(task.entry)
        worker.give(None)
        worker.work()
        entries = {task.entry.key: task.entry for task in tasks}
        for message in said:
            if isinstance(message, Troubled):
                yield GivenUp(entries[message.key], message.reason, 1, True)
            elif isinstance(message, Ended | Beat | Stopped):
                yield message


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have jobs run in this process."""
    monkeypatch.setattr(module, "Crew", HereCrew)


def separate(
    model: Path, source: Path | str, destination: Path | str, request: dict[str, Any] | None = None, **config: Any
) -> Summary:
    """Run a job with the model in a folder; `request` and `config` say what differs from the defaults."""
    address = fetch_model(str(model), Path("models"))
    return run_job(address, SeparateConfig(**config), Request(str(source), str(destination), **(request or {})))


def rows(destination: Path) -> dict[str, Row]:
    """Return the rows of the last job's ledger by key."""
    return {row.key: row for row in read_rows(destination / "_stemline" / "ledger.parquet")}


def counts(summary: Summary) -> tuple[int, int, int, int]:
    """Return done, skipped, quarantined, failed; they add up to what was listed."""
    found = (summary.done, summary.skipped, summary.quarantined, summary.failed)
    assert sum(found) == summary.listed
    return found
