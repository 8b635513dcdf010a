"""Who wants to be told: runs that fail, hang or find nobody to do them, and what retraining came to, as a POST of JSON.

The server sends it, so it is sent also when a worker dies. It keeps the address as a secret, in a block.
"""

import json
import os
from collections.abc import Iterable
from datetime import timedelta
from urllib.parse import urlsplit

from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient
from prefect.events.actions import CallWebhook
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.utilities.urls import url_for
from pydantic import SecretStr

from components.core.base.errors import UserError
from pipelines.server.automations import OURS, RUNS, TAG, keep_automations, states

VARIABLE = "STEMLINE_WEBHOOK"
BLOCK = "stemline-notifications"
_KIND = "stemline: tell of "

_STOPPED_BY_HAND = "Cancelling"  # or for its time limit; what a concurrency limit turns away is Cancelled at once

PATIENCE = timedelta(minutes=10)
"""A run that is late for longer than this is told of: until then a worker may only have been busy."""

# tojson: a message may hold quotes and new lines. `text` is what chat programs show.
_PAYLOAD = """{
  "text": {{ [flow.name, flow_run.name, flow_run.state.name, flow_run.state.message or ""] | join(": ") | tojson }},
  "flow": {{ flow.name | tojson }},
  "run": {{ flow_run.name | tojson }},
  "state": {{ flow_run.state.name | tojson }},
  "message": {{ (flow_run.state.message or "") | tojson }},
  "link": LINK
}"""


def notify_by_webhook(client: SyncPrefectClient) -> str:
    """Have the server tell the address in STEMLINE_WEBHOOK; return in a line what is told to whom."""
    address = os.environ.get(VARIABLE)
    if not address:
        return f"{VARIABLE} is not set: notifications are left as they are"
    block = _kept(address)
    keep_automations(client, _KIND, [_when(what, trigger, block) for what, trigger in _triggers()])
    return f"failed, cancelled and late runs, and what retraining came to, are told to {VARIABLE}'s address"


def _kept(address: str) -> CallWebhook:
    """Keep the address as a block's secret on the server; return what calls it."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"{VARIABLE} is no address: it begins with http:// or https://, and names a host")
    headers = {"content-type": "application/json"}
    document = Webhook(method="POST", url=SecretStr(address), headers=headers).save(BLOCK, overwrite=True)
    # the server itself need not know its address as others see it
    link = json.dumps(url_for("flow-run", obj_id="{{ flow_run.id }}"))
    return CallWebhook(block_document_id=document, payload=_PAYLOAD.replace("LINK", link))


def _triggers() -> Iterable[tuple[str, EventTrigger]]:
    retrain = {"prefect.resource.role": "flow", "prefect.resource.name": "retrain"}
    yield "runs that end badly", _reactive(states("Failed", "TimedOut", "Crashed", _STOPPED_BY_HAND), [OURS])
    yield "retrainings that are done", _reactive(states("Completed"), [OURS, retrain])
    yield "questions that wait for somebody", _reactive(states("Paused", "Suspended"), [OURS])
    late = EventTrigger(
        posture=Posture.Proactive,
        match=RUNS,
        match_related=OURS,
        for_each={"prefect.resource.id"},
        after=states("Late"),
        expect=states("Pending", "Running", "Cancelled"),
        within=PATIENCE,
    )
    yield "runs that nobody takes", late


def _reactive(expect: set[str], related: list[dict[str, str]]) -> EventTrigger:
    return EventTrigger(posture=Posture.Reactive, match=RUNS, match_related=related, expect=expect, threshold=1)


def _when(what: str, trigger: EventTrigger, call: CallWebhook) -> AutomationCore:
    text = (
        f"Made by `stemline deploy` and `stemline serve` where {VARIABLE} is set; the address is in the block {BLOCK}."
    )
    return AutomationCore(name=f"{_KIND}{what}", description=text, tags=[TAG], trigger=trigger, actions=[call])
