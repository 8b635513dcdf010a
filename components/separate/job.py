"""A job: separate every recording of a source into stems at a destination, and add a row for each to the ledger.

For the recording `albums/song.flac` the destination gets

    albums/song.flac/vocals.wav, accompaniment.wav …    a file for each stem
    albums/song.flac/spectrogram.png
    albums/song.flac/provenance.json                    written last: its presence means that the recording is done
    _stemline/quarantine/                               recordings that can't be separated, and why
"""

import sys
import time
from dataclasses import dataclass, field

from components.core.data.separation_summary import SeparationSummary
from components.core.data.stem_provenance import StemSettings
from components.core.models.addresses import ModelAddress
from components.core.stores.opening import open_store
from components.core.stores.store import Store
from components.separate.config import JobOptions, SeparateConfig
from components.separate.job_progress import JobProgress
from components.separate.ledger.claims import delete_dead_claims
from components.separate.ledger.job_ledger import JobLedger
from components.separate.ledger.ledger_table import STATES, Row, describe_failure, printable_key
from components.separate.ledger.quarantine import put_in_quarantine
from components.separate.listing.plan import Plan, Task, make_plan
from components.separate.listing.source_listing import list_recordings
from components.separate.recording.stem_settings import read_settings
from components.separate.workers.devices import CPU, GPU_TRACKS, list_devices
from components.separate.workers.messages import Finished, Progressed, Stopped, WorkerSetup
from components.separate.workers.worker_pool import GivenUp, WorkerPool, choose_pool_size

_EXAMPLES = 3


@dataclass(frozen=True)
class Job:
    """The request of a user: a model that was found, parameters, the addresses of two stores, and options."""

    address: ModelAddress
    config: SeparateConfig
    source: str
    destination: str
    options: JobOptions = field(default_factory=JobOptions)


def separate_recordings(job: Job, ledger: JobLedger) -> tuple[SeparationSummary, Stopped | None]:
    """Separate the recordings that are in the source and not yet at the destination; close the ledger.

    Returns the sums, and why the job had to stop, if it had to. A recording that can't be separated stops no other.
    Raises StoreFault when a store can't be used at the start.
    """
    destination = open_store(job.destination, job.config.patience_seconds)
    destination.sweep()
    plan, source = plan_job(job, ledger)
    print(f"separate: {plan}", file=sys.stderr, flush=True)
    for key in plan.claimed:
        delete_dead_claims(destination, key)
    tasks = plan.tasks[: job.options.limit]
    started = time.monotonic()
    stop = _run_workers(job, plan.settings, source, tasks, destination, ledger) if tasks else None
    seconds, later = time.monotonic() - started, len(plan.tasks) - len(tasks)
    return _sum_up(job, plan.settings, ledger, seconds, later, stop), stop


def plan_job(job: Job, ledger: JobLedger) -> tuple[Plan, str]:
    """Plan a job without doing it; return the plan, and the address of the store that has the recordings.

    `ledger` gets the rows of recordings that need no work.
    """
    settings = read_settings(job.address, job.config)
    destination = open_store(job.destination)
    source = open_store(job.source)
    listing = list_recordings(source, destination, job.options)
    if not_done := str(listing):
        print(f"separate: {not_done}", file=sys.stderr, flush=True)
    for key in listing.missing:
        ledger.add(Row(key=key, state="failed", reason="the manifest names it, and the source does not have it"))
    plan = make_plan(listing.entries, destination, settings, ledger.add, job.options.retry_quarantined)
    if job.options.selects_everything and not source.is_single and plan.unlisted:
        print(f"separate: {_describe_unlisted(plan.unlisted)}", file=sys.stderr, flush=True)
    return plan, listing.source


def _describe_unlisted(keys: list[str]) -> str:
    """Say that recordings have stems at the destination and are no longer in the source, or are in another one."""
    examples = ", ".join(map(printable_key, keys[:_EXAMPLES])) + (", …" if len(keys) > _EXAMPLES else "")
    return f"{len(keys)} recordings have stems and are not in this source ({examples}): their stems are kept"


def _sum_up(
    job: Job, settings: StemSettings, ledger: JobLedger, seconds: float, later: int, stop: Stopped | None
) -> SeparationSummary:
    drift, limit = ledger.close(), job.config.drift
    known = ledger.states["done"] + ledger.states["skipped"]
    return SeparationSummary(
        settings=settings,
        listed=ledger.states.total(),
        **{state: ledger.states[state] for state in STATES},
        later=later,
        flagged=ledger.flagged,
        audio_seconds=ledger.audio_seconds,
        catalogue_seconds=ledger.catalogue_seconds,
        wall_seconds=seconds,
        price_per_hour=job.config.price_per_hour,
        drift=drift,
        drifted=drift is not None and drift > limit.limit and known >= limit.recordings,
        stopped=stop.reason if stop is not None else "",
    )


def _run_workers(
    job: Job, settings: StemSettings, source: str, tasks: list[Task], destination: Store, ledger: JobLedger
) -> Stopped | None:
    """Run the tasks on worker processes; return why they had to stop, if they had to."""
    devices = list_devices()
    size, lanes = choose_pool_size(job.config.workers, len(tasks), devices)
    tracks = 1 if devices == [CPU] else GPU_TRACKS
    setup = WorkerSetup(source, job.destination, job.address, job.config, settings, lanes, tracks)
    left = {task.entry.key: task.entry for task in tasks}
    progress = JobProgress(tasks)
    stop = None
    for report in WorkerPool(setup, size, devices).work(tasks):
        if isinstance(report, Progressed):
            progress.advance(report)
        elif isinstance(report, Stopped):
            stop = report
        else:
            row = report.row if isinstance(report, Finished) else _give_up(report, destination)
            ledger.add(row)
            progress.finish(left.pop(row.key), row)
    for entry in left.values():
        ledger.add(describe_failure(entry, f"not done, since the job stopped: {stop.reason if stop else ''}"))
    return stop


def _give_up(report: GivenUp, destination: Store) -> Row:
    if report.is_at_fault:
        return put_in_quarantine(destination, report.entry, report.reason, report.attempts)
    return describe_failure(report.entry, report.reason, report.attempts)
