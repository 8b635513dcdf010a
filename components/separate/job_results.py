"""A job with its results: in the terminal, at the destination, in MLflow, and in the exit code."""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from components.core.base.errors import Outage, UserError
from components.core.base.exit_codes import ExitCode
from components.core.base.garbage_collection import collection_paused
from components.core.data.catalogue_summary import CatalogueSummary
from components.core.sound.training_profile import PROFILE, read_profile
from components.core.stores.opening import open_store
from components.core.tracking.mlflow_store import store_exists
from components.separate.job import Job, Outcome, plan_job, separate_recordings
from components.separate.ledger.job_ledger import JobLedger, JobSums
from components.separate.ledger.ledger_table import Row
from components.separate.ledger.publication import publish


def print_plan(job: Job) -> None:
    """Print what a job would do: a line for each recording, and the counts."""
    with temporary_ledger() as path:
        plan = plan_job(job, JobLedger(path, job.config.flags)).plan
    for task in plan.tasks[: job.options.limit]:
        print(f"{task.why}: {task.entry.key}")
    print(f"separate: {plan}; nothing was done (--dry-run)")


def run_job(job: Job, done_by_shards: Mapping[str, Row] | None = None) -> CatalogueSummary:
    """Separate, and publish the results unless the job had to stop.

    Rows of `done_by_shards`, by key, are of recordings that shards separated for this job. Raises UserError when the
    job had to stop, and Outage when it had to because of an outage.
    """
    with temporary_ledger() as path:
        summary = separate_with_ledger(job, path, done_by_shards)
        publish(summary, path, job.source, open_store(job.destination, job.config.patience_seconds))
        _log(summary, job, path)
    if summary.drift is not None and summary.drifted:
        print(
            f"separate: this catalogue is unlike the music that the model was trained on: its drift of "
            f"{summary.drift:.2f} is over {job.config.drift.limit:g} (separate.drift.limit)"
        )
    return summary


def separate_with_ledger(job: Job, path: Path, done_by_shards: Mapping[str, Row] | None = None) -> CatalogueSummary:
    """Separate, write the ledger to `path`, and print the sums; raises as `run_job` does."""
    profile = job.address.folder / PROFILE
    ledger = JobLedger(
        path, job.config.flags, read_profile(profile) if profile.is_file() else None, done_by_shards
    )  # fmt: skip
    outcome = separate_recordings(job, ledger)
    sums = ledger.close()
    summary = _sum_up(job, outcome, sums)
    for line in sums.reasons:
        print(line, file=sys.stderr)
    if sums.bad > len(sums.reasons):
        print(f"… and {sums.bad - len(sums.reasons)} more: see the ledger", file=sys.stderr)
    print(f"separate: {summary}; stems in {job.destination}", flush=True)
    if outcome.stop is not None:
        if outcome.stop.outage:
            raise Outage(outcome.stop.reason)
        raise UserError(f"{outcome.stop.reason} (the same command goes on from here)")
    return summary


def exit_with_result(summary: CatalogueSummary) -> None:
    """End the program with an exit code when some recordings failed, or are in quarantine."""
    if summary.failed:
        sys.exit(ExitCode.SOME_FAILED)
    if summary.quarantined:
        sys.exit(ExitCode.SOME_QUARANTINED)


@contextmanager
def temporary_ledger() -> Iterator[Path]:
    """Yield a path for a ledger that is deleted at the end of the `with` block."""
    with tempfile.TemporaryDirectory(prefix="stemline-") as folder:
        yield Path(folder) / "ledger.parquet"


def _sum_up(job: Job, outcome: Outcome, sums: JobSums) -> CatalogueSummary:
    counts = sums.counts()
    limit = job.config.drift
    drifted = sums.drift is not None and sums.drift > limit.limit
    return CatalogueSummary(
        settings=outcome.settings,
        **counts,
        later=outcome.later,
        flagged=sums.flagged,
        audio_seconds=sums.audio_seconds,
        catalogue_seconds=sums.catalogue_seconds,
        wall_seconds=outcome.wall_seconds,
        price_per_hour=job.config.price_per_hour,
        drift=sums.drift,
        drifted=drifted and counts["done"] + counts["skipped"] >= limit.recordings,
        stopped=outcome.stop.reason if outcome.stop is not None else "",
    )


def _log(summary: CatalogueSummary, job: Job, ledger: Path) -> None:
    """Log the job to MLflow where a store has been made for it; else nothing imports MLflow, which takes a second."""
    if store_exists():
        with collection_paused():
            from components.separate.mlflow_run import log_job
        log_job(summary, job, ledger)
