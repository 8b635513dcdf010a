"""A flow run pauses until somebody resumes it with what a form asks for.

Prefect's own `pause_flow_run` looks for that alone: of a run that was cancelled meanwhile it would wait for an answer
until the time is out. This one ends with it, and asks a server that is away again.
"""

from pipelines.running import prefect_environment  # noqa: F401, I001  (before Prefect, which reads its settings when imported)

import time
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast
from uuid import UUID, uuid4

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.input import RunInput, keyset_from_paused_state
from prefect.runtime import flow_run
from prefect.states import Paused, Running

from pipelines.running.retries import again_after, patiently

_LOOK_EVERY = 3.0  # seconds
_CLOCKS_DIFFER = timedelta(minutes=1)

Form = TypeVar("Form", bound=RunInput)


class Ended(Exception):  # noqa: N818
    """The run was cancelled, or ended from outside, while it was paused; the message is the name of its state."""


def filled_in(form: type[Form], until: datetime) -> Form | None:
    """Pause this run until it is resumed; return what was filled in, or None where nobody did until then.

    Raises Ended where the run shall not go on.
    """
    run_id, waits = UUID(flow_run.id), again_after()
    pause: State[Any] = Paused(pause_expiration_time=until, pause_key=str(uuid4()))
    keyset = keyset_from_paused_state(pause)
    pause.state_details.run_input_keyset = {str(part): key for part, key in keyset.items()}
    with get_client(sync_client=True) as client:
        patiently(lambda: form.save(keyset), waits)
        patiently(lambda: client.set_flow_run_state(run_id, pause), waits)
        resumed = patiently(lambda: _resumed(client, run_id, until), waits)
    return patiently(lambda: cast(Form, form.load(keyset)), waits) if resumed else None


def _resumed(client: SyncPrefectClient, run_id: UUID, until: datetime) -> bool:
    while True:
        left = until - datetime.now(UTC)
        state = client.read_flow_run(run_id).state
        if state and state.is_running():
            return True
        if state and _ran_out(state, left):
            # of such a run Prefect takes no end but Failed, with words of its own
            client.set_flow_run_state(run_id, Running(), force=True)
            return False
        if state and not state.is_paused():
            raise Ended(_name(state))
        time.sleep(_LOOK_EVERY)


def _ran_out(state: State[Any], left: timedelta) -> bool:
    """Return whether the time is out; a server that, by its clock, saw that first has ended the run as Failed."""
    return left <= timedelta() if state.is_paused() else state.is_failed() and left <= _CLOCKS_DIFFER


def _name(state: State[Any]) -> str:
    return state.name or state.type.value
