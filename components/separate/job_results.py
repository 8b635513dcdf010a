"""A job with its results: in the terminal, at the destination, in MLflow, and in the exit code.

The destination gets, beside the stems,

    _stemline/ledger.parquet, summary.json     of the last job: every recording of the catalogue, and the sums
    _stemline/runs/<time>.json                 the summaries of all jobs
    index.html                                 a page that opens from a folder or a bucket, without a server
"""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from components.core.base.errors import Outage, UserError
from components.core.base.exit_codes import ExitCode
from components.core.base.garbage_collection import collection_paused
from components.core.data.separation_summary import SeparationSummary
from components.core.sound.training_profile import PROFILE, read_profile
from components.core.stores.opening import open_store
from components.core.stores.selection import RECORDS
from components.core.stores.store import Store
from components.core.tracking.mlflow_address import store_exists
from components.separate.job import Job, plan_job, separate_recordings
from components.separate.ledger.destination_documents import encode_document, write_document
from components.separate.ledger.job_ledger import JobLedger
from components.separate.ledger.ledger_table import Row, read_rows
from components.separate.ledger.page import describe_job, write_page

LEDGER, SUMMARY, PAGE = f"{RECORDS}/ledger.parquet", f"{RECORDS}/{SeparationSummary.FILE}", "index.html"


def print_plan(job: Job) -> None:
    """Print the plan of a job: a line for each recording, and the counts."""
    with temporary_ledger() as path:
        plan, _ = plan_job(job, JobLedger(path, job.config.flags))
    for task in plan.tasks[: job.options.limit]:
        print(f"{task.why}: {task.entry.key}")
    print(f"separate: {plan}; nothing was done (--dry-run)")


def run_job(job: Job, done_by_shards: Mapping[str, Row] | None = None) -> SeparationSummary:
    """Separate, and publish the results unless the job had to stop.

    Rows of `done_by_shards`, by key, are of recordings that shards separated for this job. Raises UserError when the
    job had to stop, and Outage when it had to because of an outage.
    """
    with temporary_ledger() as path:
        summary = separate_with_ledger(job, path, done_by_shards)
        _publish(summary, path, job.source, open_store(job.destination, job.config.patience_seconds))
        _log(summary, job, path)
    if summary.drift is not None and summary.drifted:
        print(
            f"separate: this catalogue is unlike the music that the model was trained on: its drift of "
            f"{summary.drift:.2f} is over {job.config.drift.limit:g} (separate.drift.limit)"
        )
    return summary


def separate_with_ledger(job: Job, path: Path, done_by_shards: Mapping[str, Row] | None = None) -> SeparationSummary:
    """Separate, write the ledger to `path`, and print the sums; raises as `run_job` does."""
    profile = job.address.folder / PROFILE
    ledger = JobLedger(
        path, job.config.flags, read_profile(profile) if profile.is_file() else None, done_by_shards
    )  # fmt: skip
    summary, stop = separate_recordings(job, ledger)
    for line in ledger.reasons:
        print(line, file=sys.stderr)
    if ledger.not_separated > len(ledger.reasons):
        print(f"… and {ledger.not_separated - len(ledger.reasons)} more: see the ledger", file=sys.stderr)
    print(f"separate: {summary}; stems in {job.destination}", flush=True)
    if stop is not None:
        raise Outage(stop.reason) if stop.outage else UserError(f"{stop.reason} (the same command goes on from here)")
    return summary


def exit_with_result(summary: SeparationSummary) -> None:
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


def _publish(summary: SeparationSummary, ledger: Path, title: str, destination: Store) -> None:
    """Store the ledger, the summary and the page of a job; `title` is the page's."""
    now = datetime.now(UTC)
    ended = summary.model_copy(update={"ended": now.isoformat(timespec="seconds")})
    with destination.staging() as folder:
        write_page(folder / PAGE, describe_job(summary, title, now), read_rows(ledger))
        destination.write(f"{RECORDS}/runs/{now:%Y%m%dT%H%M%S.%fZ}.json", encode_document(ended))
        destination.put(folder / PAGE, PAGE)
        destination.put(ledger, LEDGER)
        write_document(destination, SUMMARY, ended)


def _log(summary: SeparationSummary, job: Job, ledger: Path) -> None:
    """Log the job to MLflow where a store has been made for it; else nothing imports MLflow, which takes a second."""
    if store_exists():
        with collection_paused():
            from components.separate.mlflow_run import log_job
        log_job(summary, job, ledger)
