"""The deployments of prefect.yaml: run on this machine (`stemline serve`), or registered for a work pool (`deploy`)."""

from pipelines.running import prefect_environment  # noqa: F401, I001  (before Prefect)

import sys
from collections.abc import Sequence

from prefect import serve
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentUpdate

from components.core.base.errors import UserError
from pipelines.server.automations import server
from pipelines.running.command import run_command
from pipelines.server.deployments import Described, described, no_longer_described
from pipelines.running.guard import guard_this_process
from pipelines.server.notification import notify_by_webhook
from pipelines.server.time_limits import HEARTBEAT_SECONDS, HEARTBEAT_VARIABLE, set_time_limits


def serve_flows() -> None:
    """Register the flows with the server at PREFECT_API_URL, and run what is started there, until stopped."""
    with server() as client:
        found = described()
        _accompany(client, found)
    guard_this_process()
    serve(*(one.deployment() for one in found), heartbeat_seconds=HEARTBEAT_SECONDS)


def deploy_flows(pool: str, only: Sequence[str] = ()) -> None:
    """Register the flows, or `only` deployments of these names, for the workers of `pool`.

    They run them in this folder of theirs. Raises UserError for a name that prefect.yaml has not.
    """
    with server() as client:
        found = described()
        chosen = named(found, only)
        for names in at_once(chosen):
            options = [word for name in names for word in ("--name", name)]
            # for several at once Prefect ignores --pool, but not its setting
            environment = {"PREFECT_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME": pool}
            command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", *options]
            run_command(command, print, environment=environment)
        for one in chosen:
            _have_heartbeats(client, one)
        _accompany(client, found)


def named(found: list[Described], only: Sequence[str]) -> list[Described]:
    """Return the deployments of these names, as `champion` or `evaluate-champion/champion`; all where none is named."""
    known = {name: one for one in found for name in (one.name, f"{one.flow.name}/{one.name}")}
    if unknown := [name for name in only if name not in known]:
        there = ", ".join(one.name for one in found)
        raise UserError(f"prefect.yaml has no deployment {unknown[0]}: there are {there}")
    wanted = [known[name] for name in only]
    return [one for one in found if one in wanted] if only else found


def _have_heartbeats(client: SyncPrefectClient, described: Described) -> None:
    """Have runs say that they live, as under `serve`: else nobody learns that a worker or its machine has died."""
    deployed = client.read_deployment_by_name(f"{described.flow.name}/{described.name}")
    variables = deployed.job_variables or {}
    beats = {HEARTBEAT_VARIABLE: str(HEARTBEAT_SECONDS), **variables.get("env", {})}
    client.update_deployment(deployed.id, DeploymentUpdate(job_variables={**variables, "env": beats}))


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
