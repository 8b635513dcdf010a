"""Watches the training music in a folder or bucket: a change sends an event, which starts a retraining."""

from typing import Any

from prefect import flow, runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import State, StateType
from prefect.states import Completed

from components.acquire.config import AcquireConfig
from components.core.base.files import digest_parts, write_text
from components.core.base.params import load_section
from components.core.base.workspace import WORKSPACE
from components.core.stores.opening import open_store
from pipelines.running.flow_runs import failed_state
from pipelines.server.events import DATA_CHANGED, send_event

RETRAIN = "retrain"
"""The name of the flow that the event starts (retraining.py)."""

_HOLDS_A_SLOT = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]


def _run_name() -> str:
    return f"watch {runtime.flow_run.parameters['source'] or 'acquire.folder'}"


@flow(name="watch-data", flow_run_name=_run_name)
def watch_data(source: str | None = None) -> Any:
    """Compare the names, sizes and times of all files with those of the last run, and send an event after a change.

    Args:
        source: A folder, or s3://bucket/folder. The default is acquire.folder of params.yaml, which the training reads.
    """
    try:
        return _compare(source or load_section("acquire", AcquireConfig).folder)
    except Exception as error:
        return failed_state(error)


def _compare(source: str) -> State[Any]:
    entries = open_store(source).files()
    digest = digest_parts(f"{entry.key}\t{entry.size}\t{entry.stamp}" for entry in entries)
    record = WORKSPACE / "watch" / f"{digest_parts([source])[:16]}.txt"
    before = record.read_text(encoding="utf-8") if record.is_file() else None
    if before == digest:
        return Completed(name="Unchanged", message=f"{len(entries)} files, as before")
    if before is None:
        write_text(record, digest)
        return Completed(message=f"{len(entries)} files, seen for the first time")
    if _is_retraining():  # Prefect would cancel a second retraining, and the running one may have read the data already
        return Completed(
            name="Deferred", message=f"{len(entries)} files, changed: the event waits for the retraining that runs"
        )
    # the event comes first: after a kill in between it is sent twice instead of never
    send_event(DATA_CHANGED, f"stemline.data.{source}", {"source": source})
    write_text(record, digest)
    return Completed(message=f"{len(entries)} files, changed")


def _is_retraining() -> bool:
    """Return whether a deployment's retraining runs, so that another can't start."""
    running = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_HOLDS_A_SLOT)),
        deployment_id=FlowRunFilterDeploymentId(is_null_=False),
    )
    retrain = FlowFilter(name=FlowFilterName(any_=[RETRAIN]))
    with get_client(sync_client=True) as client:
        return bool(client.read_flow_runs(flow_filter=retrain, flow_run_filter=running, limit=1))
