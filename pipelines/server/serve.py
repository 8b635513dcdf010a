"""Registers the deployments of prefect.yaml: for this machine (`stemline serve`), or for a work pool (`deploy`)."""

import sys
from collections.abc import Sequence

from prefect import serve
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentUpdate

from components.core.base.errors import UserError
from pipelines.processes.command import run_command
from pipelines.processes.reaper import start_reaper
from pipelines.server.automations import (
    HEARTBEAT_SECONDS,
    HEARTBEAT_VARIABLE,
    connect_to_server,
    end_dead_runs,
    notify_by_webhook,
)
from pipelines.server.deployments import DeploymentSpec, read_deployments, removed_deployments, set_time_limits


def serve_flows() -> None:
    """Register the flows with the server at PREFECT_API_URL, and run what is started there, until stopped."""
    with connect_to_server() as client:
        deployments = read_deployments()
        _set_automations(client, deployments)
    start_reaper()
    serve(*(spec.local_deployment() for spec in deployments), heartbeat_seconds=HEARTBEAT_SECONDS)


def deploy_flows(pool: str, only: Sequence[str] = ()) -> None:
    """Register all flows, or `only` the deployments of these names, for the workers of `pool`.

    A worker runs them in its own folder. Raises UserError for a name that prefect.yaml does not have.
    """
    with connect_to_server() as client:
        deployments = read_deployments()
        chosen = select_deployments(deployments, only)
        for names in group_by_pool(chosen):
            options = [word for name in names for word in ("--name", name)]
            # for several deployments at once Prefect ignores --pool, but not this variable
            environment = {"PREFECT_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME": pool}
            command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", *options]
            run_command(command, print, environment=environment)
        for deployment in chosen:
            _set_heartbeats(client, deployment)
        _set_automations(client, deployments)


def select_deployments(deployments: list[DeploymentSpec], only: Sequence[str]) -> list[DeploymentSpec]:
    """Return the deployments of these names, as `champion` or `evaluate-champion/champion`; all if none is named."""
    known = {name: spec for spec in deployments for name in (spec.name, spec.full_name)}
    if unknown := [name for name in only if name not in known]:
        names = ", ".join(spec.name for spec in deployments)
        raise UserError(f"prefect.yaml has no deployment {unknown[0]}: choose from {names}")
    chosen = [known[name] for name in only]
    return [spec for spec in deployments if spec in chosen] if only else deployments


def group_by_pool(deployments: list[DeploymentSpec]) -> list[list[str]]:
    """Return the names to deploy together: one with a `work_pool` of its own in prefect.yaml is a group by itself."""
    shared = [spec.name for spec in deployments if not spec.section.get("work_pool")]
    own = [[spec.name] for spec in deployments if spec.section.get("work_pool")]
    return [shared, *own] if shared else own


def _set_heartbeats(client: SyncPrefectClient, deployment: DeploymentSpec) -> None:
    """Make runs on a worker send heartbeats, as those under `serve` do."""
    deployed = client.read_deployment_by_name(deployment.full_name)
    variables = deployed.job_variables or {}
    environment = {HEARTBEAT_VARIABLE: str(HEARTBEAT_SECONDS), **variables.get("env", {})}
    client.update_deployment(deployed.id, DeploymentUpdate(job_variables={**variables, "env": environment}))


def _set_automations(client: SyncPrefectClient, deployments: list[DeploymentSpec]) -> None:
    """Set time limits and notifications; name the deployments that are registered and no longer in prefect.yaml."""
    set_time_limits(client, deployments)
    end_dead_runs(client)
    print(f"Notifications: {notify_by_webhook(client)}")
    for name in removed_deployments(client, deployments):
        print(f"{name} is registered, but not in prefect.yaml: delete it with `prefect deployment delete {name}`")
