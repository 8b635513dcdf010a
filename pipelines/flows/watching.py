"""Has the training music in a bucket or folder changed? If so, an event says it, on which retraining is triggered."""

from pipelines.running import prefect_environment  # noqa: F401, I001  (before Prefect, which reads its settings when imported)

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
from components.core.stores.opening import open_store
from components.core.base.workspace import WORKSPACE
from pipelines.server.events import tell
from pipelines.running.flow_failure import failed

CHANGED = "stemline.data.changed"
RETRAIN = "retrain"
"""The flow that the event starts (retraining.py)."""

_HELD = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]  # what holds the one slot


def _run_name() -> str:
    return f"watch {runtime.flow_run.parameters['source'] or 'acquire.folder'}"


@flow(name="watch-data", flow_run_name=_run_name)
def watch_data(source: str = "") -> Any:
    """Look at the names, sizes and times of all files, and tell when they are not what they were.

    Args:
        source: A folder, or s3://bucket/folder; empty: acquire.folder of params.yaml, which the training reads.
    """
    try:
        return _looked(source or load_section("acquire", AcquireConfig).folder)
    except Exception as error:
        return failed(error)


def _looked(place: str) -> State[Any]:
    entries = open_store(place).files()
    digest = digest_parts(f"{entry.key}\t{entry.size}\t{entry.stamp}" for entry in entries)
    seen = WORKSPACE / "watch" / f"{digest_parts([place])[:16]}.txt"
    before = seen.read_text(encoding="utf-8") if seen.is_file() else None
    if before == digest:
        return Completed(name="Unchanged", message=f"{len(entries)} files, as before")
    if before is None:
        write_text(seen, digest)
        return Completed(message=f"{len(entries)} files, seen for the first time")
    if _retraining():  # what the event starts would be cancelled, and it may have read the data already
        return Completed(name="Deferred", message=f"{len(entries)} files, changed: told when no retraining runs")
    # the event first: told twice is better than never
    tell(CHANGED, f"stemline.data.{place}", {"source": place})
    write_text(seen, digest)
    return Completed(message=f"{len(entries)} files, changed")


def _retraining() -> bool:
    """Return whether a retraining of a deployment is under way, so that another can't start."""
    running = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_HELD)),
        deployment_id=FlowRunFilterDeploymentId(is_null_=False),
    )
    with get_client(sync_client=True) as client:
        of_retraining = FlowFilter(name=FlowFilterName(any_=[RETRAIN]))
        return bool(client.read_flow_runs(flow_filter=of_retraining, flow_run_filter=running, limit=1))
