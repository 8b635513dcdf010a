"""Time limits: the server cancels a run that takes longer than `time_limit_hours` of prefect.yaml.

A flow's own `timeout_seconds` does not help: it is raised in the flow, which then waits for the command that hangs.
"""

from collections.abc import Iterable
from datetime import timedelta

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from pipelines.server.automations import OUR_RUNS, RUNS, TAG, keep_automations
from pipelines.server.deployments import DeploymentSpec

_PREFIX = "stemline: time limit of "
# a pause ends the time, too: it begins anew when the run goes on
_STOPPED = {
    f"prefect.flow-run.{state}"
    for state in (
        "Completed", "Unchanged", "Failed", "TimedOut", "Crashed", "Cancelling", "Cancelled", "Paused", "Suspended",
        "AwaitingRetry",
    )
}  # fmt: skip


def set_time_limits(client: SyncPrefectClient, deployments: Iterable[DeploymentSpec]) -> None:
    """Make the server cancel runs of these deployments that take longer than their limit."""
    limits = [(deployment, deployment.time_limit) for deployment in deployments]
    keep_automations(client, _PREFIX, [_time_limit(deployment, limit) for deployment, limit in limits if limit])


def _time_limit(deployment: DeploymentSpec, limit: timedelta) -> AutomationCore:
    return AutomationCore(
        name=f"{_PREFIX}{deployment.full_name}",
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
