"""Events that start a retraining: the triggers in prefect.yaml wait for them."""

from typing import Any

from prefect.client.orchestration import get_client
from prefect.events import Event, Resource

from components.core.data.separation_summary import SeparationSummary
from components.core.stores.opening import open_store
from components.core.stores.selection import RECORDS

DATA_CHANGED = "stemline.data.changed"
CATALOGUE_DRIFTED = "stemline.catalogue.drift"


def send_event(event: str, resource: str, payload: dict[str, Any]) -> None:
    """Send an event about a resource, and return when the server has it; raises the errors of Prefect's client.

    Prefect's own `emit_event` returns at once and sends later, so a lost event would go unnoticed.
    """
    sent = Event(event=event, resource=Resource({"prefect.resource.id": resource}), payload=payload)
    with get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[sent.model_dump(mode="json")]).raise_for_status()


def send_drift_event(destination: str) -> bool:
    """Send an event if the last separation into `destination` found drift over its limit; return whether it did."""
    store, key = open_store(destination), f"{RECORDS}/{SeparationSummary.FILE}"
    data = store.read(key)
    summary = SeparationSummary.parse(data, store.describe(key)) if data else None
    if summary is None or not summary.drifted:
        return False
    payload = {"drift": summary.drift, "catalogue": destination}
    send_event(CATALOGUE_DRIFTED, f"stemline.catalogue.{destination}", payload)
    return True
