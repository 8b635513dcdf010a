"""Events that the server's triggers wait for (prefect.yaml)."""

from pipelines.running import prefect_environment  # noqa: F401, I001  (before Prefect, which reads its settings when imported)

from typing import Any

from prefect.client.orchestration import get_client
from prefect.events import Event, Resource


def tell(event: str, about: str, payload: dict[str, Any]) -> None:
    """Return once the server has an event; raises what its client raises when it has not.

    Prefect's own `emit_event` returns at once and sends later: of an event that never arrived nobody would learn.
    """
    told = Event(event=event, resource=Resource({"prefect.resource.id": about}), payload=payload)
    with get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[told.model_dump(mode="json")]).raise_for_status()
