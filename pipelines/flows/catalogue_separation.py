"""A catalogue, separated by the workers of a Prefect work pool: cut into shards, a flow run a shard, one result.

The list of each shard's recordings lies in the destination, where every worker reads it, and only one worker can claim
a recording. So a shard whose worker died may start again anywhere, and this flow separates at the end what is left.
"""

import os
import sys
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, cast
from uuid import UUID

from prefect import flow, get_run_logger, runtime
from prefect.artifacts import create_table_artifact
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments import run_deployment
from prefect.states import Cancelled, Completed
from prefect.types.entrypoint import EntrypointType

from components.core.base.errors import UserError
from components.core.base.exit_codes import ExitCode
from pipelines.running.flow_runs import failed_state, retry_delays, retry_outages, run_flow
from pipelines.running.tasks import run_as_task
from pipelines.server.automations import HEARTBEAT_SECONDS, HEARTBEAT_VARIABLE, SHARD_TAG, end_dead_runs
from pipelines.server.events import send_drift_event

LONGEST_WAIT_SECONDS = 900.0
"""Seconds without a worker that takes a shard; then this flow separates all remaining shards itself."""

POLL_SECONDS = 2.0
REPORT_SECONDS = 60.0
"""Seconds between two lines that name the shards that a catalogue waits for."""

_SHARDS = "shards: "  # components/separate prints the number of shards behind it


@flow(name="separate-shard", flow_run_name="shard {number} of {source}")
def separate_shard(source: str, destination: str, number: int, options: list[str] | None = None) -> Any:
    """Separate one shard of a catalogue; started by `separate-catalogue`.

    Args:
        source: The recordings: a folder that every worker sees, or s3://bucket/folder.
        destination: The same for the stems.
        number: The number of the shard, from 0.
        options: Options of `stemline separate`.
    """
    try:
        run_shards_command("run", number, source, destination, options or [])
    except Exception as error:
        return failed_state(error)
    return Completed()


@flow(name="separate-catalogue", flow_run_name="separate {source}")
def separate_catalogue(
    source: str,
    destination: str,
    pool: str,
    shards: int = 4,
    options: list[str] | None = None,
) -> Any:
    """Separate a whole catalogue on a work pool, and write one ledger with a row for each file.

    Args:
        source: The recordings: a folder that every worker sees, or s3://bucket/folder.
        destination: The same for the stems.
        pool: The work pool whose workers separate.
        shards: The largest number of shards; two or three per worker let fast workers take more.
        options: Options of `stemline separate`, e.g. ["--format", "flac"].
    """
    options = options or []
    try:
        delays = retry_delays()
        retry_outages(lambda: check_pool(pool), delays)
        retry_outages(lambda: deploy_shards(pool), delays)
        count = cut_catalogue(source, destination, shards, options)
        runs = [
            retry_outages(partial(start_shard, pool, source, destination, n, options), delays) for n in range(count)
        ]
        wait_for_shards(runs, delays)
        lines = run_shards_command("gather", count, source, destination, options)
        retry_outages(lambda: publish_counts(destination, lines), delays)
        retry_outages(lambda: send_drift_event(destination), delays)
    except Exception as error:
        return failed_state(error)
    return Completed(message=lines[-1] if lines else None)


def deploy_shards(pool: str) -> None:
    """Register the shards' flow for the workers of `pool`, as a module of the package that they have installed."""
    deployment = separate_shard.to_deployment(
        pool, work_pool_name=pool, entrypoint_type=EntrypointType.MODULE_PATH, description="A shard of a catalogue.",
        job_variables={"env": {HEARTBEAT_VARIABLE: str(HEARTBEAT_SECONDS)}},
    )  # fmt: skip
    deployment.apply()  # type: ignore[union-attr]


def run(source: str, destination: str, pool: str, shards: int, options: list[str]) -> None:
    """Deploy the flow of a shard and run this flow; raises CommandError, with one line, when it fails."""
    if not os.environ.get("PREFECT_API_URL"):
        raise UserError(
            "--pool needs a Prefect server: start one with `prefect server start`, set PREFECT_API_URL="
            "http://127.0.0.1:4200/api, make the pool with `prefect work-pool create NAME --type process`, and start "
            "its workers with `prefect worker start --pool NAME`"
        )
    with get_client(sync_client=True) as client:
        _require_pool(client, pool)
        end_dead_runs(client)
    run_flow(separate_catalogue, source=source, destination=destination, pool=pool, shards=shards, options=options)


def check_pool(pool: str) -> None:
    """Raise UserError when the pool cannot take the shards."""
    with get_client(sync_client=True) as client:
        _require_pool(client, pool)


def _require_pool(client: SyncPrefectClient, pool: str) -> None:
    """Raise UserError when the pool does not exist, or when this run takes the only place that its shards need."""
    pools = {found.name: found for found in client.read_work_pools()}
    if pool not in pools:
        raise UserError(
            f"there is no work pool {pool} at {os.environ['PREFECT_API_URL']} (it has "
            f"{', '.join(sorted(pools)) or 'none'}): make it with `prefect work-pool create {pool} --type process`"
        )
    if pools[pool].concurrency_limit == 1 and runtime.deployment.id:
        raise UserError(
            f"the work pool {pool} takes one flow run at a time, so this run may wait forever for its shards: run "
            f"`prefect work-pool set-concurrency-limit {pool} 2`, or start it with `stemline separate … --pool {pool}`"
        )


def cut_catalogue(source: str, destination: str, shards: int, options: list[str]) -> int:
    """Cut the catalogue; return the number of shards."""
    lines = run_shards_command("cut", shards, source, destination, options)
    return int(next(line for line in lines if line.startswith(_SHARDS)).removeprefix(_SHARDS))


def run_shards_command(command: str, number: int, source: str, destination: str, options: list[str]) -> list[str]:
    """Run a command of components.separate.shards as a task; return the printed lines."""
    module = [sys.executable, "-m", "components.separate.shards", *options]
    arguments = ["--", command, str(number), source, destination]
    # recordings in quarantine are listed in the results; the flow goes on
    accepted_codes = (0, ExitCode.SOME_QUARANTINED)
    return run_as_task(f"separate-{command}", [*module, *arguments], accepted_codes=accepted_codes)


def start_shard(pool: str, source: str, destination: str, number: int, options: list[str]) -> FlowRun:
    """Start the flow run of a shard."""
    parameters = {"source": source, "destination": destination, "number": number, "options": options}
    run = run_deployment(f"separate-shard/{pool}", parameters=parameters, timeout=0, tags=[SHARD_TAG])
    return cast(FlowRun, run)


def wait_for_shards(runs: list[FlowRun], delays: tuple[float, ...]) -> None:
    """Wait until all shards have ended, in any state; after an outage the server is asked again after `delays`.

    When no worker takes a shard for `LONGEST_WAIT_SECONDS`, the remaining ones are cancelled: the workers may be busy
    with this very run, which waits for them.
    """
    logger = get_run_logger()
    left, waiting_since = {run.id: run.name for run in runs}, time.monotonic()
    reported = waiting_since
    with get_client(sync_client=True) as client:
        while left:
            time.sleep(POLL_SECONDS)
            states = {run_id: retry_outages(partial(client.read_flow_run, run_id), delays).state for run_id in left}
            if any(state is None or not state.is_scheduled() for state in states.values()):
                waiting_since = time.monotonic()
            for run_id, state in states.items():
                if state is not None and state.is_final():
                    name = left.pop(run_id)
                    logger.info("%s: %s; %d of %d shards left", name, state.name, len(left), len(runs))
            if left and time.monotonic() - reported > REPORT_SECONDS:
                reported = time.monotonic()
                logger.info("waiting for %s", describe_shards(left, states))
            if time.monotonic() - waiting_since > LONGEST_WAIT_SECONDS:
                logger.warning(
                    "no worker took any of %d shards within %g s: this run separates them",
                    len(left),
                    LONGEST_WAIT_SECONDS,
                )
                _cancel(client, list(left))
                return


def describe_shards(names: Mapping[UUID, str], states: Mapping[UUID, "State[Any] | None"]) -> str:
    """Return the shards with their states in one line; one that runs may belong to a dead worker."""
    shards = ", ".join(
        f"{name} ({state.name if (state := states[run_id]) else 'new'})" for run_id, name in names.items()
    )
    return f"{len(names)} shards: {shards}; a shard whose worker died ends within five minutes"


def _cancel(client: SyncPrefectClient, runs: list[UUID]) -> None:
    for run_id in runs:
        client.set_flow_run_state(run_id, Cancelled(message="no worker took it: it is done by the catalogue's own run"))


def publish_counts(destination: str, lines: list[str]) -> None:
    """Make the counts of recordings an artifact of the flow run."""
    counts = next((line for line in reversed(lines) if line.startswith("separate: ") and " = " in line), "")
    page = f"{destination.rstrip('/')}/index.html"
    description = "The recordings of the catalogue by state"
    create_table_artifact([{"recordings": counts, "page": page}], key="catalogue", description=description)
