"""A catalogue cut into shards, for several machines: what the flow `separate-catalogue` runs on a work pool.

    python -m components.separate.shards cut 8 SOURCE DEST …      what is to do, in at most so many parts of equal size
    python -m components.separate.shards run 3 SOURCE DEST …      separate one part, on any machine
    python -m components.separate.shards gather 8 SOURCE DEST …   what is left, and the account of all of it

Each takes the options of `python -m components.separate`; `run` separates as `cut` was told, whatever the parameters of
its machine are. Until they are gathered, shards and their ledgers lie in the destination: `_stemline/shards/3.csv` and
`3.parquet`.
"""

import argparse
import heapq
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from components.core.base.errors import UserError
from components.core.base.params import parse_section
from components.core.base.step_command import run_step
from components.core.models.addresses import fetch_model
from components.core.models.registry_names import REGISTRY
from components.core.stores.opening import open_store
from components.core.stores.store import RECORDS, Store
from components.separate.config import SeparateConfig
from components.separate.job import plan_job
from components.separate.job_results import end_with, run_job, separate_into
from components.separate.ledger.account import Account
from components.separate.ledger.destination_documents import parse_json
from components.separate.ledger.ledger_table import Row, read_rows
from components.separate.listing.plan import Task
from components.separate.listing.source_listing import manifest_of
from components.separate.options import MODELS_FOLDER, Asked, add_options, asked_for

SHARDS = f"{RECORDS}/shards"
_HOW = f"{SHARDS}/separate.json"


def cut(asked: Asked, count: int) -> int:
    """Write down what is to do in at most `count` shards of about the same bytes; return and print how many."""
    if count < 1:
        raise UserError(f"a catalogue can't be cut into {count} shards: give 1 or more")
    if asked.request.limit:  # `gather` could not tell what it left out from what a dead worker left undone
        raise UserError("--limit does not go with shards: name the recordings in a --manifest instead")
    destination = open_store(asked.request.destination)
    _clear(destination)
    with tempfile.TemporaryDirectory(prefix="stemline-") as folder:
        account = Account(Path(folder) / "ledger.parquet", asked.config.flags)
        plan = plan_job(asked.address, asked.config, asked.request, account).plan
    shards = shared_out(plan.tasks, count)
    destination.write(_HOW, asked.config.model_copy(update={"model": _address(asked)}).model_dump_json().encode())
    for number, tasks in enumerate(shards):
        destination.write(f"{SHARDS}/{number}.csv", manifest_of(task.entry.key for task in tasks).encode())
    print(f"separate: {plan}", flush=True)
    print(f"shards: {len(shards)}", flush=True)
    return len(shards)


def shared_out(tasks: list[Task], count: int) -> list[list[Task]]:
    """Deal tasks, longest first, each to the shard with the fewest bytes so far; no shard is empty."""
    shards: list[list[Task]] = [[] for _ in range(min(count, len(tasks)))]
    loads = [(0, number) for number in range(len(shards))]
    for task in sorted(tasks, key=lambda task: (-task.entry.size, task.entry.key)):
        load, number = heapq.heappop(loads)
        shards[number].append(task)
        heapq.heappush(loads, (load + task.entry.size, number))
    return shards


def _address(asked: Asked) -> str:
    """Return the model's address for other machines: a version, since an alias may move meanwhile."""
    address = asked.address
    return f"{REGISTRY}{address.name}/{address.version}" if address.version else str(address.folder)


def run(asked: Asked, number: int) -> None:
    """Separate the recordings of a shard, and leave its ledger for `gather`."""
    destination = open_store(asked.request.destination, asked.config.patience_seconds)
    told = parse_section("separate", parse_json(destination.read(_HOW)), SeparateConfig, destination.describe(_HOW))
    config = told.model_copy(update={"workers": asked.config.workers})
    manifest = destination.describe(f"{SHARDS}/{number}.csv")
    request = replace(asked.request, choice=replace(asked.request.choice, manifest=manifest))
    # the folder of the model that ships is elsewhere on other machines
    there = told.model.startswith(REGISTRY) or Path(told.model).is_dir()
    address = fetch_model(told.model, MODELS_FOLDER) if there else asked.address
    with tempfile.TemporaryDirectory(prefix="stemline-") as folder:
        ledger = Path(folder) / "ledger.parquet"
        summary = separate_into(ledger, address, config, request)
        if not summary.stopped:
            destination.put(ledger, f"{SHARDS}/{number}.parquet")
    end_with(summary)


def gather(asked: Asked, count: int) -> None:
    """Do what the shards left undone, and write the account of the whole catalogue; theirs counts as done now."""
    destination = open_store(asked.request.destination, asked.config.patience_seconds)
    summary = run_job(asked.address, asked.config, asked.request, done_by(destination, count))
    if not summary.stopped:
        _clear(destination)
    end_with(summary)


def done_by(destination: Store, count: int) -> Mapping[str, Row]:
    """Return the rows of recordings that shards separated, by key."""
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


_COMMANDS: dict[str, Callable[[Asked, int], object]] = {"cut": cut, "run": run, "gather": gather}


def main() -> None:
    """Parse the command line and run one of the three."""
    parser = argparse.ArgumentParser(
        prog="python -m components.separate.shards",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=sorted(_COMMANDS))
    parser.add_argument("number", type=int, help="how many shards; for `run`: which one, from 0")
    add_options(parser)
    run_step(lambda: _work(parser.parse_args()))


def _work(arguments: argparse.Namespace) -> None:
    if arguments.number < 0:
        raise UserError(f"{arguments.number} is no number of shards: give 1 or more, for `run` 0 or more")
    _COMMANDS[arguments.command](asked_for(arguments), arguments.number)


if __name__ == "__main__":
    main()
