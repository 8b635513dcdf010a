"""The deployments in prefect.yaml: flows with their schedules, triggers and limits."""

from collections.abc import Iterable
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
from prefect.client.schemas.objects import ConcurrencyLimitConfig, StateType
from prefect.deployments.runner import RunnerDeployment
from prefect.events import DeploymentEventTrigger
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.schedules import Cron

from components.core.base.errors import UserError
from components.core.base.params import load_section
from components.shadow.config import ShadowConfig
from pipelines.server.automations import OUR_RUNS, RUNS, TAG, keep_automations

FILE = Path("prefect.yaml")
_APPROVAL = "require_approval"  # the parameter of flows that may wait for a person
_PARAMETERS = "parameters"
_SHORTEST = timedelta(seconds=10)  # Prefect's automations can't wait for less
_TIME_LIMITS = "stemline: time limit of "
# a pause ends the time, too: it begins anew when the run goes on
_STOPPED = {
    f"prefect.flow-run.{state}"
    for state in (
        "Completed", "Unchanged", "Failed", "TimedOut", "Crashed", "Cancelling", "Cancelled", "Paused", "Suspended",
        "AwaitingRetry",
    )
}  # fmt: skip


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
        """The time limit of a run, None without one: `time_limit_hours`, plus the time to wait for an approval."""
        hours = self.section.get("time_limit_hours")
        if hours is None:
            return None
        limit = timedelta(hours=hours)
        if limit < _SHORTEST:
            raise UserError(f"{FILE}: time_limit_hours of {self.name} is {hours:g}: set it to {_SHORTEST} or more")
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


def set_time_limits(client: SyncPrefectClient, deployments: Iterable[DeploymentSpec]) -> None:
    """Make the server cancel runs of these deployments that take longer than their limit.

    A flow's own `timeout_seconds` does not help: it is raised in the flow, which then waits for the command that hangs.
    """
    limits = [(deployment, deployment.time_limit) for deployment in deployments]
    keep_automations(client, _TIME_LIMITS, [_time_limit(deployment, limit) for deployment, limit in limits if limit])


def _time_limit(deployment: DeploymentSpec, limit: timedelta) -> AutomationCore:
    return AutomationCore(
        name=f"{_TIME_LIMITS}{deployment.full_name}",
        description=f"Made from prefect.yaml: cancels what runs for longer than {limit}.",
        tags=[TAG],
        trigger=EventTrigger(
            posture=Posture.Proactive,
            match=RUNS,
            match_related=[
                OUR_RUNS,
                {"prefect.resource.role": "deployment", "prefect.resource.name": deployment.name},
                {"prefect.resource.role": "flow", "prefect.resource.name": deployment.flow.name},
            ],
            for_each={"prefect.resource.id"},
            after={"prefect.flow-run.Running"},
            expect=_STOPPED,
            within=limit,
        ),
        actions=[
            ChangeFlowRunState(state=StateType.CANCELLING, message=f"it ran for longer than its time limit, {limit}")
        ],
    )
