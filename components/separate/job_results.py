"""A job from its plan to its account: what the commands of this step do between their options and their exit code."""

import math
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from components.core.base.errors import UserError
from components.core.base.garbage_collection import collection_paused
from components.core.models.addresses import ModelAddress
from components.core.sound.profile import PROFILE, read_profile
from components.core.stores.opening import open_store
from components.core.tracking.mlflow_store import store_exists
from components.separate.config import SeparateConfig
from components.separate.job import Request, plan_job, separate
from components.separate.ledger.account import Account, Summary
from components.separate.ledger.ledger_table import Row, read_rows
from components.separate.ledger.publication import publish

FAILED, QUARANTINED = 3, 4
"""Exit codes: some recordings failed, and the same command may help; all that can be separated is."""

_NAMED = 20  # bad recordings that are named in the terminal; all are in the ledger


def plan_only(address: ModelAddress, config: SeparateConfig, request: Request) -> None:
    """Print what a job would do, a line a recording, and sum it up."""
    with _ledger() as ledger:
        plan = plan_job(address, config, request, Account(ledger, config.flags)).plan
    for task in plan.tasks[: request.limit or None]:
        print(f"{task.why}: {task.entry.key}")
    print(f"separate: {plan}; nothing was done (--dry-run)")


def run_job(
    address: ModelAddress, config: SeparateConfig, request: Request, done_elsewhere: Mapping[str, Row] | None = None
) -> Summary:
    """Separate, and say what came of it: in the terminal, at the destination, and in MLflow.

    Rows of `done_elsewhere`, by key, are of recordings that others did for this job.
    """
    with _ledger() as ledger:
        summary = separate_into(ledger, address, config, request, done_elsewhere)
        if not summary.stopped:
            destination = open_store(request.destination, config.patience_seconds)
            publish(summary, ledger, request.source, destination)
            _log(summary, request, ledger)
    if summary.drifted:
        print(
            f"separate: this catalogue is unlike the music that the model was trained on: its drift of "
            f"{summary.drift:.2f} is over {config.drift.limit:g} (separate.drift.limit)"
        )
    return summary


def _log(summary: Summary, request: Request, ledger: Path) -> None:
    """Log the job where a store has been made for it; else nothing needs MLflow, which takes a second to import."""
    if store_exists():
        with collection_paused():
            from components.separate.mlflow_run import log_job
        log_job(summary, request, ledger)


def separate_into(
    ledger: Path,
    address: ModelAddress,
    config: SeparateConfig,
    request: Request,
    done_elsewhere: Mapping[str, Row] | None = None,
) -> Summary:
    """Separate, write the ledger, and sum it up in the terminal."""
    account = Account(ledger, config.flags, done_elsewhere or {})
    outcome = separate(address, config, request, account)
    sums = account.close()
    drift = _drift(address.folder / PROFILE, ledger)
    summary = Summary(
        **sums,
        recipe=outcome.recipe,
        later=outcome.later,
        wall_seconds=outcome.wall_seconds,
        price_per_hour=config.price_per_hour,
        drift=drift,
        drifted=drift > config.drift.limit and sums["done"] + sums["skipped"] >= config.drift.recordings,
        stopped=outcome.stopped,
    )
    _name_the_bad(ledger)
    print(f"separate: {summary}; stems in {request.destination}", flush=True)
    return summary


def end_with(summary: Summary) -> None:
    """End the program as a scheduler wants to know it; raises UserError for a job that had to stop."""
    if summary.stopped:
        raise UserError(f"{summary.stopped} (the same command goes on from here)")
    if summary.failed:
        sys.exit(FAILED)
    if summary.quarantined:
        sys.exit(QUARANTINED)


@contextmanager
def _ledger() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="stemline-") as folder:
        yield Path(folder) / "ledger.parquet"


def _drift(profile: Path, ledger: Path) -> float:
    if not profile.is_file():
        return math.nan
    return read_profile(profile).drift(row.features for row in read_rows(ledger) if row.features)


def _name_the_bad(ledger: Path) -> None:
    """Print the first bad recordings, each with its reason."""
    bad = [f"{row.state}: {row.key}: {row.reason}" for row in read_rows(ledger) if row.reason]
    for line in bad[:_NAMED]:
        print(line, file=sys.stderr)
    if len(bad) > _NAMED:
        print(f"… and {len(bad) - _NAMED} more: see the ledger", file=sys.stderr)
