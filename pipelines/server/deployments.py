"""The deployments in prefect.yaml: flows with their schedules, triggers and limits."""

from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import yaml
from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.deployments.runner import RunnerDeployment
from prefect.events import DeploymentEventTrigger
from prefect.schedules import Cron

from components.core.base.errors import UserError
from components.core.base.params import load_section
from components.shadow.config import ShadowConfig
from pipelines.server.automations import TAG

FILE = Path("prefect.yaml")
_APPROVAL = "require_approval"  # the parameter of flows that may wait for a person
_PARAMETERS = "parameters"
_SHORTEST = timedelta(seconds=10)  # Prefect's automations can't wait for less


@dataclass(frozen=True)
class DeploymentSpec:
    """A deployment in prefect.yaml: its section of the file, and its flow."""

    section: dict[str, Any]
    flow: Flow[..., Any]

    @property
    def name(self) -> str:
        """The deployment's name, without the flow's."""
        return str(self.section["name"])

    @property
    def full_name(self) -> str:
        """The name that the server knows: FLOW/NAME."""
        return f"{self.flow.name}/{self.name}"

    @property
    def time_limit(self) -> timedelta | None:
        """How long a run may take, None without a limit; waiting for an approval comes on top of `time_limit_hours`."""
        hours = self.section.get("time_limit_hours")
        if hours is None:
            return None
        limit = timedelta(hours=hours)
        if limit < _SHORTEST:
            raise UserError(f"{FILE}: time_limit_hours of {self.name} is {hours:g}: at least {_SHORTEST} is possible")
        if _APPROVAL in signature(self.flow.fn).parameters:
            limit += timedelta(hours=load_section("shadow", ShadowConfig).wait_hours)
        return limit

    def local_deployment(self) -> RunnerDeployment:
        """Return the deployment for `stemline serve`, which runs it on this machine."""
        limit = self.section.get("concurrency_limit")
        deployment = self.flow.to_deployment(
            self.name,
            description=self.section.get("description"),
            tags=self.section.get("tags"),
            parameters=self.section.get(_PARAMETERS, {}),
            schedules=[Cron(item["cron"], timezone=item.get("timezone")) for item in self.section.get("schedules", [])],
            triggers=[_trigger(item, self.flow.name) for item in self.section.get("triggers", [])],
            concurrency_limit=ConcurrencyLimitConfig(**limit) if limit else None,
        )
        assert isinstance(deployment, RunnerDeployment)
        return deployment


def read_deployments() -> list[DeploymentSpec]:
    """Read the deployments in this folder's prefect.yaml; raises UserError when it is missing or wrong."""
    try:
        document = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{FILE} does not exist: run from the root of the project, where it lies") from None
    deployments = [DeploymentSpec(section, _flow(section["entrypoint"])) for section in document["deployments"]]
    for deployment in deployments:
        _require_parameters_in_place(deployment)
    return deployments


def _require_parameters_in_place(deployment: DeploymentSpec) -> None:
    """Raise UserError for a flow's parameter outside `parameters`, where Prefect ignores it."""
    names = set(signature(deployment.flow.fn).parameters) - {_PARAMETERS}
    if misplaced := sorted(names & deployment.section.keys()):
        raise UserError(f"{FILE}: {misplaced[0]} of {deployment.name} belongs below its `{_PARAMETERS}:`")


def removed_deployments(client: SyncPrefectClient, wanted: list[DeploymentSpec]) -> list[str]:
    """Return the names of our deployments that the server has and prefect.yaml has not."""
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
    registered = client.read_deployments(deployment_filter=ours)
    names = {f"{client.read_flow(found.flow_id).name}/{found.name}" for found in registered}
    return sorted(names - {deployment.full_name for deployment in wanted})


def _flow(entrypoint: str) -> Flow[..., Any]:
    module, name = entrypoint.removesuffix("()").split(":")
    flow: Flow[..., Any] = getattr(import_module(module.removesuffix(".py").replace("/", ".")), name)
    return flow


def _trigger(item: dict[str, Any], flow: str) -> DeploymentEventTrigger:
    return DeploymentEventTrigger(
        name=f"{flow}: {' or '.join(item['expect'])}",
        enabled=item.get("enabled", True),
        expect=set(item["expect"]),
        parameters=item.get(_PARAMETERS),
    )
