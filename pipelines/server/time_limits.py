"""Runs that take longer than `time_limit_hours` of prefect.yaml, and runs whose process is dead: the server ends them.

A flow's own `timeout_seconds` does not do: it is raised in the flow, which then waits for the command that hangs.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from pipelines.server.automations import OURS, OURS_AND_SHARDS, RUNS, TAG, keep_automations, states
from pipelines.server.deployments import Described

HEARTBEAT_SECONDS = 30
"""How often a run under `stemline serve`, or a shard, says that it lives; of others a worker's environment says it."""

HEARTBEAT_VARIABLE = "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"

SILENCE = timedelta(minutes=5)
"""A run that has said so, and then nothing for this long, is dead. A server that restarts takes less."""

Related = Mapping[str, str | list[str]]

_LIMIT = "stemline: time limit of "
_DEAD, _LOST = "stemline: runs of which nothing is heard", "stemline: runs that a dead worker had taken"
_STARTED, _LIVES = "prefect.flow-run.Running", "prefect.flow-run.heartbeat"
_TAKEN = (
    "prefect.flow-run.Submitting"  # by a worker, for seconds; then it is InfrastructurePending, for as long as it takes
)
# a pause ends the time as well; it begins anew when the run goes on
_STOPPED = states(
    "Completed", "Unchanged", "Failed", "TimedOut", "Crashed", "Cancelling", "Cancelled", "Paused", "Suspended",
    "AwaitingRetry",
)  # fmt: skip


def set_time_limits(client: SyncPrefectClient, described: Iterable[Described]) -> None:
    """Have the server cancel runs of these deployments that take too long, and mark those that are dead as crashed."""
    limited = [(found, found.time_limit) for found in described if found.time_limit]
    keep_automations(client, _LIMIT, [_time_limit(found, limit) for found, limit in limited])
    end_dead_runs(client)


def end_dead_runs(client: SyncPrefectClient) -> None:
    """Have the server mark runs as crashed, a catalogue's shards as well, that are silent since they began or lived.

    Else a run whose worker was killed with it, or just when it had taken it, would keep its deployment's one slot.
    """
    keep_automations(client, _DEAD, [_dead()])
    keep_automations(client, _LOST, [_lost()])


def _time_limit(described: Described, limit: timedelta) -> AutomationCore:
    deployment = {"prefect.resource.role": "deployment", "prefect.resource.name": described.name}
    flow = {"prefect.resource.role": "flow", "prefect.resource.name": described.flow.name}
    return AutomationCore(
        name=f"{_LIMIT}{described.flow.name}/{described.name}",
        description=f"Made from prefect.yaml: cancels what runs for longer than {limit}.",
        tags=[TAG],
        trigger=_missing(_STOPPED, _STARTED, limit, [OURS, deployment, flow]),
        actions=[
            ChangeFlowRunState(state=StateType.CANCELLING, message=f"it ran for longer than its time limit, {limit}")
        ],
    )


def _dead() -> AutomationCore:
    return AutomationCore(
        name=_DEAD,
        description=f"Marks runs as crashed that have told that they live, and then nothing for {SILENCE}.",
        tags=[TAG],
        trigger=_missing({*_STOPPED, _LIVES}, _LIVES, SILENCE, [OURS_AND_SHARDS]),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message=f"nothing was heard of it for {SILENCE}: its process, its worker or the machine is dead",
            )
        ],
    )


def _lost() -> AutomationCore:
    heard = states("InfrastructurePending", "Pending", "Running", "Scheduled")
    return AutomationCore(
        name=_LOST,
        description=f"Marks runs as crashed that a worker has taken, and not started for {SILENCE}.",
        tags=[TAG],
        trigger=_missing({*_STOPPED, *heard}, _TAKEN, SILENCE, [OURS_AND_SHARDS]),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message=f"a worker took it and did not start it for {SILENCE}: the worker or its machine is dead",
            )
        ],
    )


def _missing(
    expect: set[str], after: str, within: timedelta, related: list[Mapping[str, str | list[str]]]
) -> EventTrigger:
    """Return the trigger for runs of which none of `expect` is heard in time."""
    return EventTrigger(
        posture=Posture.Proactive,
        match=RUNS,
        match_related=related,
        for_each={"prefect.resource.id"},
        after={after},
        expect=expect,
        within=within,
    )
