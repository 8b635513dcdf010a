"""The automations that this project keeps on a Prefect server; they are changed with what it describes."""

from pipelines.running import prefect_environment  # noqa: F401, I001  (before Prefect)

import os
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.schemas.automations import AutomationCore

from components.core.base.errors import UserError

TAG = "stemline"
"""Of the deployments in prefect.yaml, so of all their runs; and of these automations."""

SHARD_TAG = "stemline-shard"
"""Of runs of a catalogue's shards: of one that ends badly nobody need be told, since the catalogue's own goes on."""

OURS = {"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{TAG}"}
"""What a trigger matches to hear of runs of our deployments alone."""

OURS_AND_SHARDS = OURS | {"prefect.resource.id": [f"prefect.tag.{TAG}", f"prefect.tag.{SHARD_TAG}"]}
"""The same, and the shards of a catalogue."""

RUNS = {"prefect.resource.id": "prefect.flow-run.*"}


def states(*names: str) -> set[str]:
    """Return the events by which the server tells that a run has come to one of these states."""
    return {f"prefect.flow-run.{name}" for name in names}


@contextmanager
def server() -> Iterator[SyncPrefectClient]:
    """Yield a client of the server at PREFECT_API_URL; raises UserError when there is none, or none that answers."""
    address = os.environ.get("PREFECT_API_URL")
    if not address:
        raise UserError(
            "this needs a Prefect server: start one with `prefect server start`, then set "
            "PREFECT_API_URL=http://127.0.0.1:4200/api"
        )
    with get_client(sync_client=True) as client:
        problem = client.api_healthcheck()
        if problem is not None:
            raise UserError(f"Prefect's server at {address} does not answer ({problem}): is it running?")
        yield client


def keep_automations(client: SyncPrefectClient, kind: str, wanted: list[AutomationCore]) -> None:
    """Have the server hold exactly `wanted` of our automations whose names begin with `kind`.

    One that somebody has paused stays paused.
    """
    there = {found.name: found for found in client.read_automations() if TAG in found.tags}
    for automation in wanted:
        before = there.pop(automation.name, None)
        if before is None:
            client.create_automation(automation)
        else:
            client.update_automation(before.id, automation.model_copy(update={"enabled": before.enabled}))
    for name, found in there.items():
        if name.startswith(kind):
            client.delete_automation(found.id)
