"""A job without worker processes, so that a test takes milliseconds; everything else is real."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.core.data.separation_summary import SeparationSummary
from components.core.models.addresses import fetch_model
from components.separate.config import JobOptions
from components.separate.job import Job
from components.separate.job_results import run_job
from components.separate.ledger.ledger_table import Row, read_rows
from components.separate.listing.plan import Task
from components.separate.workers.messages import Failed, Finished, Message, Progressed, Stopped, WorkerSetup
from components.separate.workers.worker import Worker, prepare_separation
from components.separate.workers.worker_pool import GivenUp, Report
from tests.components.separate.parameters import separate_config

NAMES = ("a.wav", "a.flac", "Łódź/été, 'live'.wav", "歌/🎵 中文.flac", "deep/er/still/b.aiff", "UPPER.WAV", "upper.wav")
STEMS = ("accompaniment.wav", "vocals.wav")
PER_RECORDING = (*STEMS, "provenance.json", "spectrogram.png")


class InProcessPool:
    """A WorkerPool with one worker that runs in this process and tries every recording once."""

    def __init__(self, setup: WorkerSetup, size: int, devices: list[str]) -> None:
        self._setup = setup

    def work(self, tasks: list[Task]) -> Iterator[Report]:
        """Yield the outcome of each task."""
        messages: list[Message] = []
        worker = Worker(self._setup, prepare_separation(self._setup, "cpu"), messages.append)
        for task in tasks:
            worker.give(task.entry)
        worker.give(None)
        worker.work()
        entries = {task.entry.key: task.entry for task in tasks}
        for message in messages:
            if isinstance(message, Failed):
                yield GivenUp(entries[message.key], message.reason, 1, True)
            elif isinstance(message, Finished | Progressed | Stopped):
                yield message


def separate(
    model: Path, source: Path | str, destination: Path | str, options: dict[str, Any] | None = None, **config: Any
) -> SeparationSummary:
    """Run a job with the model in a folder; `options` and `config` replace values of params.yaml."""
    address = fetch_model(str(model), Path("models"))
    job = Job(address, separate_config(**config), str(source), str(destination), JobOptions(**(options or {})))
    return run_job(job)


def rows(destination: Path) -> dict[str, Row]:
    """Return the rows of the last job's ledger by key."""
    return {row.key: row for row in read_rows(destination / "_stemline" / "ledger.parquet")}


def counts(summary: SeparationSummary) -> tuple[int, int, int, int]:
    """Return done, skipped, quarantined, failed; they add up to what was listed."""
    found = (summary.done, summary.skipped, summary.quarantined, summary.failed)
    assert sum(found) == summary.listed
    return found
