"""The automations that this project keeps on a Prefect server: automations.yaml, in Prefect's own format.

Time limits (deployments.py) and the webhook of the notifications are added in code: time limits follow from
prefect.yaml and params.yaml, and the webhook's address must not stand in a file. The server sends the notifications,
so they are also sent when a worker dies.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.actions import CallWebhook
from prefect.events.schemas.automations import AutomationCore
from prefect.utilities.urls import url_for
from pydantic import SecretStr

from components.core.base.errors import UserError

TAG = "stemline"
"""Tag of the deployments in prefect.yaml, so of all their runs, and of our automations."""

SHARD_TAG = "stemline-shard"
"""Tag of the runs of a catalogue's shards: nobody is notified of their failure, since the catalogue's run goes on."""

HEARTBEAT_SECONDS = 30
"""Seconds between two heartbeats of a run. automations.yaml allows five minutes without one: a restart of the server
takes less."""

HEARTBEAT_VARIABLE = "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"

RUNS = {"prefect.resource.id": "prefect.flow-run.*"}
"""The resources that a trigger matches: flow runs."""

OUR_RUNS = {"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{TAG}"}
"""The related resources that a trigger matches: runs of our deployments."""

WEBHOOK_VARIABLE = "STEMLINE_WEBHOOK"
"""Environment variable with the address to which notifications are sent."""

WEBHOOK_BLOCK = "stemline-notifications"
"""The block on the server that holds this address as a secret."""

_DEAD_RUNS = "stemline: runs "
_NOTIFICATIONS = ("stemline: report ", "stemline: tell of ")  # the second was in earlier versions, and is deleted


@cache
def read_automations() -> dict[str, Any]:
    """Return the content of automations.yaml."""
    document: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    return document


@contextmanager
def connect_to_server() -> Iterator[SyncPrefectClient]:
    """Yield a client of the server at PREFECT_API_URL; raises UserError when there is none or it does not answer."""
    address = os.environ.get("PREFECT_API_URL")
    if not address:
        raise UserError(
            "this needs a Prefect server: start one with `prefect server start`, then set "
            "PREFECT_API_URL=http://127.0.0.1:4200/api"
        )
    with get_client(sync_client=True) as client:
        problem = client.api_healthcheck()
        if problem is not None:
            raise UserError(
                f"Prefect's server at {address} does not answer ({problem}): start it with `prefect server start`"
            )
        yield client


def keep_automations(
    client: SyncPrefectClient, prefix: str | tuple[str, ...], wanted: Iterable[AutomationCore]
) -> None:
    """Make the server hold exactly `wanted` among our automations whose names begin with a `prefix`.

    An automation that somebody has paused stays paused.
    """
    existing = {found.name: found for found in client.read_automations() if TAG in found.tags}
    for automation in wanted:
        before = existing.pop(automation.name, None)
        if before is None:
            client.create_automation(automation)
        else:
            client.update_automation(before.id, automation.model_copy(update={"enabled": before.enabled}))
    for name, found in existing.items():
        if name.startswith(prefix):
            client.delete_automation(found.id)


def end_dead_runs(client: SyncPrefectClient) -> None:
    """Make the server mark runs, also shards of a catalogue, as crashed when their process or worker is dead.

    Otherwise such a run keeps its deployment's only slot.
    """
    automations = [AutomationCore.model_validate(values) for values in read_automations()["automations"]]
    keep_automations(client, _DEAD_RUNS, automations)


def notify_by_webhook(client: SyncPrefectClient) -> str:
    """Make the server notify the address in STEMLINE_WEBHOOK; return one line about the notifications."""
    address = os.environ.get(WEBHOOK_VARIABLE)
    if not address:
        return f"{WEBHOOK_VARIABLE} is not set: notifications are left as they are"
    call = _save_webhook(address)
    description = (
        f"Made by `stemline deploy` and `stemline serve` where {WEBHOOK_VARIABLE} is set; the address is in the block "
        f"{WEBHOOK_BLOCK}."
    )
    added = {"description": description, "actions": [call]}
    automations = [AutomationCore.model_validate(values | added) for values in read_automations()["notifications"]]
    keep_automations(client, _NOTIFICATIONS, automations)
    return f"sent to the address in {WEBHOOK_VARIABLE}: failed, cancelled and late runs, and the results of retrainings"


def _save_webhook(address: str) -> CallWebhook:
    """Save the address as a secret in a block on the server; return the action that calls it."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(
            f"{WEBHOOK_VARIABLE} is not a web address: write one that begins with http:// or https://, and a host"
        )
    headers = {"content-type": "application/json"}
    block = Webhook(method="POST", url=SecretStr(address), headers=headers).save(WEBHOOK_BLOCK, overwrite=True)
    # the server does not know the address at which others reach it
    link = json.dumps(url_for("flow-run", obj_id="{{ flow_run.id }}"))
    return CallWebhook(block_document_id=block, payload=read_automations()["payload"].replace("LINK", link))
