"""How a flow is run in this process, and how it ends when it fails."""

from typing import Any, cast

from prefect import Flow
from prefect.client.schemas.objects import State
from prefect.states import Failed

from pipelines.processes.command import CommandError, OutageError, describe_error, is_outage_error
from pipelines.processes.reaper import start_reaper


def run_flow(flow: Flow[..., Any], **parameters: Any) -> State[Any]:
    """Run a flow in this process and return its final state; raises CommandError, with one line, when it fails."""
    start_reaper()
    state = cast(State[Any], flow(**parameters, return_state=True))
    if not state.is_completed():
        error = getattr(state.data, "result", None)  # Prefect keeps the state's data in a record
        raise error if isinstance(error, CommandError) else CommandError(state.message or f"the flow is {state.name}")
    return state


def failed_state(error: Exception) -> State[Any]:
    """Return the end of a flow that met `error`: one line; raises `error` again if it is a bug."""
    line = describe_error(error)
    return Failed(message=line, data=OutageError(line) if is_outage_error(error) else CommandError(line))
