"""A catalogue cut into shards, for several machines: what the flow `separate-catalogue` runs on a work pool.

    python -m components.separate.shards cut 8 SOURCE DESTINATION …      write up to 8 parts of about the same size
    python -m components.separate.shards run 3 SOURCE DESTINATION …      separate one part, on any machine
    python -m components.separate.shards gather 8 SOURCE DESTINATION …   do what is left, and publish the whole ledger

Each command takes the options of `python -m components.separate`. `run` takes the parameters of `cut`, whatever the
params.yaml of its machine says. Until they are gathered, the shards lie at the destination: `_stemline/shards/3.csv`,
and its ledger `3.parquet`.
"""

import heapq
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from typer import Argument

from components.core.base.documents import Document
from components.core.base.errors import UserError
from components.core.base.section_options import with_options
from components.core.base.step_command import run_step_command
from components.core.models.addresses import fetch_model
from components.core.models.model_description import REGISTRY
from components.core.stores.opening import open_store
from components.core.stores.selection import RECORDS
from components.core.stores.store import Store
from components.separate.command import Destination, Source, prepare_job
from components.separate.config import JobOptions, SeparateConfig
from components.separate.job import Job, plan_job
from components.separate.job_results import exit_with_result, run_job, separate_with_ledger, temporary_ledger
from components.separate.ledger.destination_documents import read_document, write_document
from components.separate.ledger.job_ledger import JobLedger
from components.separate.ledger.ledger_table import Row, read_rows
from components.separate.listing.manifest import format_manifest
from components.separate.listing.plan import Task

SHARDS = f"{RECORDS}/shards"
_SHARED_CONFIG = f"{SHARDS}/separate.json"


class SharedConfig(Document):
    """The parameters with which all shards of a catalogue are separated."""

    config: SeparateConfig


def cut(job: Job, count: int) -> int:
    """Write the tasks of a job as up to `count` shards of about the same size; print and return how many."""
    if count < 1:
        raise UserError(f"a catalogue can't be cut into {count} shards: give 1 or more")
    if job.options.limit:  # `gather` could not tell left-out recordings from those that a dead worker left undone
        raise UserError("--limit cannot be combined with shards: name the recordings in a --manifest instead")
    destination = open_store(job.destination)
    _clear(destination)
    with temporary_ledger() as path:
        plan, _ = plan_job(job, JobLedger(path, job.config.flags))
    shards = divide_tasks(plan.tasks, count)
    config = job.config.model_copy(update={"model": _name_model(job)})
    write_document(destination, _SHARED_CONFIG, SharedConfig(config=config))
    for number, tasks in enumerate(shards):
        manifest = format_manifest(task.entry.key for task in tasks)
        destination.write(f"{SHARDS}/{number}.csv", manifest.encode())
    print(f"separate: {plan}", flush=True)
    print(f"shards: {len(shards)}", flush=True)
    return len(shards)


def divide_tasks(tasks: list[Task], count: int) -> list[list[Task]]:
    """Give each task, longest first, to the shard with the fewest bytes so far; no shard is empty."""
    shards: list[list[Task]] = [[] for _ in range(min(count, len(tasks)))]
    loads = [(0, number) for number in range(len(shards))]
    for task in sorted(tasks, key=lambda task: (-task.entry.size, task.entry.key)):
        load, number = heapq.heappop(loads)
        shards[number].append(task)
        heapq.heappush(loads, (load + task.entry.size, number))
    return shards


def _name_model(job: Job) -> str:
    """Return the model's address for other machines: a version, because an alias may move meanwhile."""
    address = job.address
    return f"{REGISTRY}{address.name}/{address.version}" if address.version else str(address.folder)


def run(job: Job, number: int) -> None:
    """Separate the recordings of a shard, and store its ledger for `gather`."""
    destination = open_store(job.destination, job.config.patience_seconds)
    shared = read_document(destination, _SHARED_CONFIG, SharedConfig)
    if shared is None:
        raise UserError(f"{destination.describe(_SHARED_CONFIG)} is missing or damaged: cut the catalogue again")
    model = shared.config.model
    # the folder of the shipped model has another path on other machines
    is_found = model.startswith(REGISTRY) or Path(model).is_dir()
    manifest = destination.describe(f"{SHARDS}/{number}.csv")
    shard = replace(
        job,
        address=fetch_model(model, job.options.models) if is_found else job.address,
        config=shared.config.model_copy(update={"workers": job.config.workers}),
        options=job.options.model_copy(update={"manifest": manifest}),
    )
    with temporary_ledger() as path:
        summary = separate_with_ledger(shard, path)
        destination.put(path, f"{SHARDS}/{number}.parquet")
    exit_with_result(summary)


def gather(job: Job, count: int) -> None:
    """Separate the recordings that the shards left, and publish one ledger; those of the shards count as done now."""
    destination = open_store(job.destination, job.config.patience_seconds)
    summary = run_job(job, read_done_rows(destination, count))
    _clear(destination)
    exit_with_result(summary)


def read_done_rows(destination: Store, count: int) -> Mapping[str, Row]:
    """Return the rows of the recordings that shards separated, by key."""
    rows: dict[str, Row] = {}
    with destination.staging() as folder:
        for number in range(count):
            data = destination.read(f"{SHARDS}/{number}.parquet")
            if data is not None:
                (folder / "shard.parquet").write_bytes(data)
                rows |= {row.key: row for row in read_rows(folder / "shard.parquet") if row.state == "done"}
    return rows


def _clear(destination: Store) -> None:
    for name in destination.names(SHARDS):
        destination.delete(f"{SHARDS}/{name}")


class Command(StrEnum):
    """The actions on the shards of a catalogue."""

    CUT = "cut"
    RUN = "run"
    GATHER = "gather"


_COMMANDS: Mapping[Command, Callable[[Job, int], object]] = {
    Command.CUT: cut,
    Command.RUN: run,
    Command.GATHER: gather,
}


@with_options(SeparateConfig, JobOptions)
def shards(
    command: Annotated[Command, Argument(help="What to do.")],
    number: Annotated[int, Argument(min=0, help="How many shards; for `run`: which one, from 0.")],
    source: Source,
    destination: Destination,
    **options: Any,
) -> None:
    """Separate a catalogue in shards, on several machines."""
    _COMMANDS[command](prepare_job(source, destination, options), number)


if __name__ == "__main__":
    run_step_command(shards, "components.separate.shards")
