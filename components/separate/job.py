"""Separate every recording of a source into stems at a destination, and account for every one.

For the recording `albums/song.flac` the destination gets

    albums/song.flac/vocals.wav, accompaniment.wav …    a stem each
    albums/song.flac/spectrogram.png
    albums/song.flac/provenance.json                    written last: where it is, the recording is done
    _stemline/quarantine/                               recordings that can't be separated, and why
"""

import sys
import time
from dataclasses import dataclass, field

from components.core.base.progress import Progress, format_duration
from components.core.models.addresses import ModelAddress
from components.core.models.bundle import load_model
from components.core.stores.opening import open_store
from components.core.stores.store import ListedFile, Store
from components.separate.config import SeparateConfig
from components.separate.ledger.account import Account
from components.separate.ledger.claims import clear_dead
from components.separate.ledger.ledger_table import Row, row_of_provenance
from components.separate.ledger.quarantine import quarantine
from components.separate.listing.plan import Known, Plan, Task, make_plan
from components.separate.listing.source_listing import Choice, list_recordings
from components.separate.recording.stem_settings import Recipe, recipe_of
from components.separate.workers.devices import CPU, GPU_TRACKS, devices
from components.separate.workers.messages import Beat, Ended, Order, Stopped
from components.separate.workers.worker_pool import Crew, GivenUp, crew_size


@dataclass(frozen=True)
class Request:
    """What a user asks for: addresses, which recordings, at most how many (0: all), and bad ones once more or not."""

    source: str
    destination: str
    choice: Choice = field(default_factory=Choice)
    limit: int = 0
    retry_quarantined: bool = False


@dataclass(frozen=True)
class Outcome:
    """How it was separated, how long that took, how many recordings a limit left out, and why it had to stop, if so."""

    recipe: Recipe
    wall_seconds: float
    later: int
    stopped: str


def separate(address: ModelAddress, config: SeparateConfig, request: Request, account: Account) -> Outcome:
    """Separate what is in the source and not yet in the destination with the model at `address`, as `config` says.

    A recording that can't be separated stops no other; `account` is told of every one. Raises StoreFault when a store
    can't be used at the start.
    """
    destination = open_store(request.destination, config.patience_seconds)
    destination.sweep()
    job = plan_job(address, config, request, account)
    print(f"separate: {job.plan}", file=sys.stderr, flush=True)
    for key in job.plan.claimed:
        clear_dead(destination, key)
    tasks = job.plan.tasks[: request.limit or None]
    began = time.monotonic()
    stopped = ""
    if tasks:
        found = devices()
        size, lanes = crew_size(config.workers, len(tasks), found)
        tracks = 1 if found == [CPU] else GPU_TRACKS
        order = Order(job.source, request.destination, address, config, job.recipe, lanes, tracks)
        stopped = _carry_out(Crew(order, size, found), tasks, destination, account)
    return Outcome(job.recipe, time.monotonic() - began, len(job.plan.tasks) - len(tasks), stopped)


@dataclass(frozen=True)
class Job:
    """What is to do, how, and the address of the store that has the recordings."""

    plan: Plan
    recipe: Recipe
    source: str


def plan_job(address: ModelAddress, config: SeparateConfig, request: Request, account: Account) -> Job:
    """Find out what is to do, without doing it; `account` is told of what needs no work."""
    recipe = recipe_of(load_model(address.folder), address, config)
    destination = open_store(request.destination)
    listing = list_recordings(open_store(request.source), destination, request.choice)
    for key in listing.missing:
        account.add(Row(key, "failed", 0, "the manifest names it, and the source does not have it"))
    known = Known(
        done=lambda entry, provenance: account.add(row_of_provenance("skipped", entry, provenance)),
        quarantined=lambda record: account.add(record.row()),
    )
    plan = make_plan(listing.entries, destination, recipe, known, request.retry_quarantined)
    return Job(plan, recipe, listing.source)


def _carry_out(crew: Crew, tasks: list[Task], destination: Store, account: Account) -> str:
    """Have the crew do the tasks; return why it had to stop, or nothing."""
    left = {task.entry.key: task.entry for task in tasks}
    progress = _JobProgress(tasks)
    stopped = ""
    for report in crew.work(tasks):
        if isinstance(report, Beat):
            progress.beat(report)
        elif isinstance(report, Stopped):
            stopped = report.reason
        else:
            row = report.row if isinstance(report, Ended) else _given_up(report, destination)
            account.add(row)
            progress.ended(left.pop(row.key), row)
    for entry in left.values():
        account.add(Row(entry.key, "failed", entry.size, f"not done, since the job stopped: {stopped}"))
    return stopped


def _given_up(report: GivenUp, destination: Store) -> Row:
    if report.for_good:
        return quarantine(destination, report.entry, report.reason, report.attempts)
    return Row(report.entry.key, "failed", report.entry.size, report.reason, attempts=report.attempts)


class _JobProgress:
    """Says how far the job is by the bytes of its recordings, the only length that is known before they are read."""

    def __init__(self, tasks: list[Task]) -> None:
        self._progress = Progress("separate", sum(task.entry.size for task in tasks) / 1e6, "MB")
        self._total, self._began = len(tasks), time.monotonic()
        self._sizes = {task.entry.key: task.entry.size for task in tasks}
        self._ended, self._bad, self._bytes, self._seconds = 0, 0, 0, 0.0
        self._under_way: dict[str, Beat] = {}

    def beat(self, beat: Beat) -> None:
        """A worker has come further."""
        self._under_way[beat.key] = beat
        self._say()

    def ended(self, entry: ListedFile, row: Row) -> None:
        """A recording has ended."""
        self._under_way.pop(entry.key, None)
        self._ended += 1
        self._bytes += entry.size
        self._bad += row.state in ("quarantined", "failed")
        self._seconds += row.seconds if row.state == "done" else 0
        self._say()

    def _say(self) -> None:
        under_way = sum(beat.share * self._sizes[key] for key, beat in self._under_way.items())
        self._progress.advance((self._bytes + under_way) / 1e6 - self._progress.done, self._note())

    def _note(self) -> str:
        seconds = self._seconds + sum(beat.seconds for beat in self._under_way.values())
        speed = seconds / max(time.monotonic() - self._began, 1e-9)
        bad = f", {self._bad} bad" if self._bad else ""
        audio = format_duration(seconds)
        return f"{self._ended} of {self._total} recordings{bad}, {audio} of audio, {speed:.1f}x real time"
