"""Notifications: the server POSTs JSON to a webhook when runs fail, hang or wait, and when a retraining is done.

The server sends them, so they are also sent when a worker dies. It keeps the address as a secret in a block.
"""

import json
import os
from urllib.parse import urlsplit

from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient
from prefect.events.actions import CallWebhook
from prefect.events.schemas.automations import AutomationCore
from prefect.utilities.urls import url_for
from pydantic import SecretStr

from components.core.base.errors import UserError
from pipelines.server.automations import keep_automations, read_automations

VARIABLE = "STEMLINE_WEBHOOK"
BLOCK = "stemline-notifications"
_PREFIX = "stemline: tell of "


def notify_by_webhook(client: SyncPrefectClient) -> str:
    """Make the server notify the address in STEMLINE_WEBHOOK; return one line that says who is told what."""
    address = os.environ.get(VARIABLE)
    if not address:
        return f"{VARIABLE} is not set: notifications are left as they are"
    call = _save_webhook(address)
    description = (
        f"Made by `stemline deploy` and `stemline serve` where {VARIABLE} is set; the address is in the block {BLOCK}."
    )
    added = {"description": description, "actions": [call]}
    automations = [AutomationCore.model_validate(values | added) for values in read_automations()["notifications"]]
    keep_automations(client, _PREFIX, automations)
    return f"failed, cancelled and late runs, and what retraining came to, are told to {VARIABLE}'s address"


def _save_webhook(address: str) -> CallWebhook:
    """Save the address as a secret in a block on the server; return the action that calls it."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"{VARIABLE} is no address: it begins with http:// or https://, and names a host")
    headers = {"content-type": "application/json"}
    block = Webhook(method="POST", url=SecretStr(address), headers=headers).save(BLOCK, overwrite=True)
    # the server does not know the address at which others reach it
    link = json.dumps(url_for("flow-run", obj_id="{{ flow_run.id }}"))
    return CallWebhook(block_document_id=block, payload=read_automations()["payload"].replace("LINK", link))
