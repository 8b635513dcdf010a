"""What prefect.yaml describes: flows with their schedules, triggers and limits."""

from pipelines.running import prefect_environment  # noqa: F401, I001  (before Prefect)

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
_MAY_WAIT = "require_approval"  # a flow with this parameter
_PARAMETERS = "parameters"
_SHORTEST = timedelta(seconds=10)  # that Prefect's automations can wait for


@dataclass(frozen=True)
class Described:
    """A deployment of prefect.yaml: its section in the file, and the flow that it names."""

    section: dict[str, Any]
    flow: Flow[..., Any]

    @property
    def name(self) -> str:
        """Its name, beside that of the flow."""
        return str(self.section["name"])

    @property
    def time_limit(self) -> timedelta | None:
        """How long a run may take, where the file limits it: one that may wait for a person's yes, that much longer."""
        hours = self.section.get("time_limit_hours")
        if hours is None:
            return None
        limit = timedelta(hours=hours)
        if limit < _SHORTEST:
            raise UserError(f"{FILE}: time_limit_hours of {self.name} is {hours:g}: at least {_SHORTEST} is possible")
        if _MAY_WAIT in signature(self.flow.fn).parameters:
            limit += timedelta(hours=load_section("shadow", ShadowConfig).wait_hours)
        return limit

    def deployment(self) -> RunnerDeployment:
        """Return it as this machine runs it."""
        limit = self.section.get("concurrency_limit")
        found = self.flow.to_deployment(
            self.name,
            description=self.section.get("description"),
            tags=self.section.get("tags"),
            parameters=self.section.get("parameters", {}),
            schedules=[Cron(item["cron"], timezone=item.get("timezone")) for item in self.section.get("schedules", [])],
            triggers=[_trigger(item, self.flow.name) for item in self.section.get("triggers", [])],
            concurrency_limit=ConcurrencyLimitConfig(**limit) if limit else None,
        )
        assert isinstance(found, RunnerDeployment)
        return found


def described() -> list[Described]:
    """Return the deployments of the prefect.yaml in this folder; raises UserError where it is not there, or wrong."""
    try:
        document = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{FILE} does not exist: run from the root of the project, where it lies") from None
    found = [Described(section, _flow(section["entrypoint"])) for section in document["deployments"]]
    for one in found:
        _require_parameters_in_their_place(one)
    return found


def _require_parameters_in_their_place(described: Described) -> None:
    """Raise UserError for a parameter of the flow beside `parameters`, where Prefect takes no notice of it."""
    names = set(signature(described.flow.fn).parameters) - {_PARAMETERS}
    if lost := sorted(names & described.section.keys()):
        raise UserError(f"{FILE}: {lost[0]} of {described.name} belongs below its `{_PARAMETERS}:`")


def no_longer_described(client: SyncPrefectClient, wanted: list[Described]) -> list[str]:
    """Return the names of deployments that the server has of us, and the file has not (any more)."""
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
    there = client.read_deployments(deployment_filter=ours)
    flows = {found.flow_id: client.read_flow(found.flow_id).name for found in there}
    names = {f"{flows[found.flow_id]}/{found.name}" for found in there}
    return sorted(names - {f"{found.flow.name}/{found.name}" for found in wanted})


def _flow(entrypoint: str) -> Flow[..., Any]:
    module, name = entrypoint.removesuffix("()").split(":")
    found: Flow[..., Any] = getattr(import_module(module.removesuffix(".py").replace("/", ".")), name)
    return found


def _trigger(item: dict[str, Any], flow: str) -> DeploymentEventTrigger:
    return DeploymentEventTrigger(
        name=f"{flow}: {' or '.join(item['expect'])}",
        enabled=item.get("enabled", True),
        expect=set(item["expect"]),
        parameters=item.get("parameters"),
    )
