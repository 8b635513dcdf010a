"""The deployments of prefect.yaml: run on this machine (`stemline serve`), or registered for a work pool (`deploy`)."""

from pipelines import environment  # noqa: F401, I001  (before Prefect)

import sys

from prefect import serve
from prefect.client.orchestration import SyncPrefectClient

from pipelines.automations import server
from pipelines.command import run_command
from pipelines.deployments import Described, described, no_longer_described
from pipelines.guard import guard_this_process
from pipelines.notification import notify_by_webhook
from pipelines.time_limits import HEARTBEAT_SECONDS, set_time_limits


def serve_flows() -> None:
    """Register the flows with the server at PREFECT_API_URL, and run what is started there, until stopped."""
    with server() as client:
        found = described()
        _accompany(client, found)
    guard_this_process()
    serve(*(one.deployment() for one in found), heartbeat_seconds=HEARTBEAT_SECONDS)


def deploy_flows(pool: str) -> None:
    """Register the flows for the workers of `pool`, which run them in this folder of theirs."""
    with server() as client:
        found = described()
        for names in at_once(found):
            named = [word for name in names for word in ("--name", name)]
            # for several at once Prefect ignores --pool, but not its setting
            environment = {"PREFECT_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME": pool}
            command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", *named]
            run_command(command, print, environment=environment)
        _accompany(client, found)


def at_once(found: list[Described]) -> list[list[str]]:
    """Return the names of deployments in groups: one that names a pool of its own is alone, and goes to ours."""
    without = [one.name for one in found if not one.section.get("work_pool")]
    alone = [[one.name] for one in found if one.section.get("work_pool")]
    return [without, *alone] if without else alone


def _accompany(client: SyncPrefectClient, found: list[Described]) -> None:
    """Set what goes with the deployments: time limits, notifications; and say what is left of others."""
    set_time_limits(client, found)
    print(f"Notifications: {notify_by_webhook(client)}")
    for name in no_longer_described(client, found):
        print(f"{name} is registered, and not in prefect.yaml: `prefect deployment delete {name}` takes it away")
