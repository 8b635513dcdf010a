"""The deployments of prefect.yaml: run on this machine (`stemline serve`), or registered for a work pool (`deploy`)."""

from pipelines import environment  # noqa: F401, I001  (before Prefect)

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from prefect import Flow, serve
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.deployments.runner import RunnerDeployment
from prefect.events import DeploymentEventTrigger
from prefect.schedules import Cron

from components.core.errors import UserError
from pipelines.command import run_command

FILE = Path("prefect.yaml")


def serve_flows() -> None:
    """Register the flows with the server at PREFECT_API_URL, and run what is started there, until stopped."""
    _require_server("serve")
    serve(*deployments())


def deploy_flows(pool: str) -> None:
    """Register the flows for the workers of `pool`, which run them in this folder of theirs."""
    _require_server("deploy")
    for described in _described():
        # one by one: for several at once Prefect ignores the pool
        command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--name", described["name"]]
        run_command([*command, "--pool", pool], print)


def deployments() -> list[RunnerDeployment]:
    """Return what prefect.yaml describes, as this machine runs it."""
    return [_deployment(described) for described in _described()]


def _described() -> list[dict[str, Any]]:
    try:
        document = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{FILE} does not exist: run from the root of the project, where it lies") from None
    found: list[dict[str, Any]] = document["deployments"]
    return found


def _deployment(described: dict[str, Any]) -> RunnerDeployment:
    module, name = described["entrypoint"].removesuffix("()").split(":")
    flow: Flow[..., Any] = getattr(import_module(module.removesuffix(".py").replace("/", ".")), name)
    limit = described.get("concurrency_limit")
    found = flow.to_deployment(
        described["name"],
        description=described.get("description"),
        parameters=described.get("parameters", {}),
        schedules=[Cron(item["cron"], timezone=item.get("timezone")) for item in described.get("schedules", [])],
        triggers=[_trigger(item, flow.name) for item in described.get("triggers", [])],
        concurrency_limit=ConcurrencyLimitConfig(**limit) if limit else None,
    )
    assert isinstance(found, RunnerDeployment)
    return found


def _trigger(item: dict[str, Any], flow: str) -> DeploymentEventTrigger:
    return DeploymentEventTrigger(
        name=f"{flow}: {' or '.join(item['expect'])}",
        enabled=item.get("enabled", True),
        expect=set(item["expect"]),
        parameters=item.get("parameters"),
    )


def _require_server(command: str) -> None:
    if "PREFECT_API_URL" not in os.environ:
        raise UserError(
            f"{command} needs a Prefect server: start one with `prefect server start`, then set "
            "PREFECT_API_URL=http://127.0.0.1:4200/api"
        )
