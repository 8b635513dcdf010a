"""A catalogue over the workers of a Prefect work pool: cut into shards, a flow run a shard, then one account of all.

Which recordings a shard has lies in the destination, where every worker can read it, and only one worker can claim a
recording. So a shard whose worker dies may be started again anywhere, and what is left at the end is done here.
"""

from pipelines.running import prefect_environment  # noqa: F401, I001  (before Prefect, which reads its settings when imported)

import os
import sys
import time
from functools import partial
from typing import Any, cast
from uuid import UUID

from prefect import flow, get_run_logger, runtime
from prefect.artifacts import create_table_artifact
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments import run_deployment
from prefect.types.entrypoint import EntrypointType
from prefect.states import Cancelled, Completed

from components.core.base.errors import UserError
from pipelines.server.automations import SHARD_TAG
from pipelines.running.command import CommandError
from pipelines.server.drift import QUARANTINED, tell_of_drift
from pipelines.running.flow_failure import failed
from pipelines.running.guard import guard_this_process
from pipelines.running.retries import again_after, patiently
from pipelines.running.tasks import carry_out
from pipelines.server.time_limits import HEARTBEAT_SECONDS, HEARTBEAT_VARIABLE, end_dead_runs

PATIENCE = 900.0
"""For so many seconds workers may take no shard; then all of it is done without them."""

_LOOK_EVERY = 2.0  # seconds
_SHARDS = "shards: "


@flow(name="separate-shard", flow_run_name="shard {number} of {source}")
def separate_shard(source: str, destination: str, number: int, options: list[str] | None = None) -> Any:
    """Separate one shard of a catalogue; started by `separate-catalogue`.

    Args:
        source: The recordings: a folder that every worker sees, or s3://bucket/folder.
        destination: The same for the stems.
        number: Which shard, from 0.
        options: Options of `stemline separate`.
    """
    try:
        _shards("run", number, source, destination, options or [])
    except Exception as error:
        return failed(error)
    return Completed()


@flow(name="separate-catalogue", flow_run_name="separate {source}")
def separate_catalogue(
    source: str,
    destination: str,
    pool: str,
    shards: int = 4,
    options: list[str] | None = None,
) -> Any:
    """Separate a whole catalogue on a work pool, and account for every file.

    Args:
        source: The recordings: a folder that every worker sees, or s3://bucket/folder.
        destination: The same for the stems.
        pool: The work pool whose workers separate.
        shards: In how many parts at most; two or three a worker let fast ones take more.
        options: Options of `stemline separate`, e.g. ["--format", "flac"].
    """
    chosen = options or []
    try:
        waits = again_after()
        patiently(lambda: _found_pool(pool), waits)
        patiently(lambda: deploy_shards(pool), waits)
        count = _cut(source, destination, shards, chosen)
        runs = [patiently(partial(_started, pool, source, destination, n, chosen), waits) for n in range(count)]
        _wait_for(runs, waits)
        lines = _shards("gather", count, source, destination, chosen)
        patiently(lambda: _publish(destination, lines), waits)
        patiently(lambda: tell_of_drift(destination), waits)
    except Exception as error:
        return failed(error)
    return Completed(message=lines[-1] if lines else None)


def deploy_shards(pool: str) -> None:
    """Tell the server how workers of `pool` find the flow of a shard: as a module of the package that they have."""
    deployment = separate_shard.to_deployment(
        pool, work_pool_name=pool, entrypoint_type=EntrypointType.MODULE_PATH, description="A shard of a catalogue.",
        job_variables={"env": {HEARTBEAT_VARIABLE: str(HEARTBEAT_SECONDS)}},
    )  # fmt: skip
    deployment.apply()  # type: ignore[union-attr]


def run(source: str, destination: str, pool: str, shards: int, options: list[str]) -> None:
    """Deploy and run the flow; raises CommandError, with one line, when it fails."""
    if not os.environ.get("PREFECT_API_URL"):
        raise UserError(
            "--pool needs a Prefect server: start one with `prefect server start`, set PREFECT_API_URL="
            "http://127.0.0.1:4200/api, make the pool with `prefect work-pool create NAME --type process`, and start "
            "its workers with `prefect worker start --pool NAME`"
        )
    with get_client(sync_client=True) as client:
        _require_pool(client, pool)
        end_dead_runs(client)
    guard_this_process()
    state: State[Any] = separate_catalogue(  # type: ignore[assignment]
        source, destination, pool, shards, options, return_state=True
    )
    if not state.is_completed():
        raise CommandError(state.message or f"the flow ended as {state.name}")


def _found_pool(pool: str) -> None:
    with get_client(sync_client=True) as client:
        _require_pool(client, pool)


def _require_pool(client: SyncPrefectClient, pool: str) -> None:
    """Raise UserError without the pool; or where this very run keeps its shards from running there."""
    pools = {found.name: found for found in client.read_work_pools()}
    if pool in pools and pools[pool].concurrency_limit == 1 and runtime.deployment.id:
        raise UserError(
            f"the work pool {pool} runs one thing at a time, and that may be this run, which waits for its shards: "
            f"`prefect work-pool set-concurrency-limit {pool} 2`, or start it with `stemline separate … --pool {pool}`"
        )
    if pool not in pools:
        raise UserError(
            f"there is no work pool {pool} at {os.environ['PREFECT_API_URL']} (there are: "
            f"{', '.join(sorted(pools)) or 'none'}): make it with `prefect work-pool create {pool} --type process`"
        )


def _cut(source: str, destination: str, shards: int, options: list[str]) -> int:
    lines = _shards("cut", shards, source, destination, options)
    return int(next(line for line in lines if line.startswith(_SHARDS)).removeprefix(_SHARDS))


def _shards(command: str, number: int, source: str, destination: str, options: list[str]) -> list[str]:
    module = [sys.executable, "-m", "components.separate.shards", *options]
    # recordings in quarantine are in the account, and no reason to fail
    places = ["--", command, str(number), source, destination]
    return carry_out(f"separate-{command}", [*module, *places], fine=(0, QUARANTINED))


def _started(pool: str, source: str, destination: str, number: int, options: list[str]) -> FlowRun:
    parameters = {"source": source, "destination": destination, "number": number, "options": options}
    found = run_deployment(f"separate-shard/{pool}", parameters=parameters, timeout=0, tags=[SHARD_TAG])
    return cast(FlowRun, found)


def _wait_for(runs: list[FlowRun], waits: tuple[float, ...]) -> None:
    """Wait until all shards have ended, however; what they left undone is done afterwards.

    A server that is away is asked again after `waits`: the shards go on without it. Shards of which no worker takes any
    for `PATIENCE` seconds are cancelled: the workers may be as busy as long as this run waits for them.
    """
    logger = get_run_logger()
    left, waiting_since = {run.id: run.name for run in runs}, time.monotonic()
    with get_client(sync_client=True) as client:
        while left:
            time.sleep(_LOOK_EVERY)
            for run_id, name in list(left.items()):
                state = patiently(partial(client.read_flow_run, run_id), waits).state
                if state is None or not state.is_scheduled():
                    waiting_since = time.monotonic()
                if state is not None and state.is_final():
                    del left[run_id]
                    logger.info("%s: %s; %d of %d shards to come", name, state.name, len(left), len(runs))
            if time.monotonic() - waiting_since > PATIENCE:
                logger.warning("no worker takes any of %d shards for %g s: they are done here", len(left), PATIENCE)
                _cancel(client, list(left))
                return


def _cancel(client: SyncPrefectClient, runs: list[UUID]) -> None:
    for run_id in runs:
        client.set_flow_run_state(run_id, Cancelled(message="no worker took it: it is done by the catalogue's own run"))


def _publish(destination: str, lines: list[str]) -> None:
    """Make the account an artifact of the flow run."""
    counts = next((line for line in reversed(lines) if line.startswith("separate: ") and " = " in line), "")
    page = f"{destination.rstrip('/')}/index.html"
    create_table_artifact([{"account": counts, "page": page}], key="catalogue", description="The catalogue's account")
