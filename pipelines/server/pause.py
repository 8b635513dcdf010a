"""A flow run that pauses until somebody resumes it with a filled-in form.

Prefect's own `pause_flow_run` notices only the answer: when the run is cancelled meanwhile, it waits on until the time
is up. This one ends with the run, and waits for a server that restarts.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast
from uuid import UUID, uuid4

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.input import RunInput, keyset_from_paused_state
from prefect.runtime import flow_run
from prefect.states import Paused, Running

from pipelines.running.flow_runs import retry_delays, retry_outages

_POLL_SECONDS = 3.0
_CLOCK_SKEW = timedelta(minutes=1)

Form = TypeVar("Form", bound=RunInput)


class PauseEndedError(Exception):
    """The paused run was cancelled or ended from outside; the message is the name of its state."""


def pause_for_input(form: type[Form], until: datetime) -> Form | None:
    """Pause this flow run until it is resumed; return the filled-in form, or None if nobody answers by `until`.

    Raises PauseEndedError when the run was cancelled or ended meanwhile.
    """
    run_id, delays = UUID(flow_run.id), retry_delays()
    pause: State[Any] = Paused(pause_expiration_time=until, pause_key=str(uuid4()))
    keyset = keyset_from_paused_state(pause)
    pause.state_details.run_input_keyset = {str(part): key for part, key in keyset.items()}
    with get_client(sync_client=True) as client:
        retry_outages(lambda: form.save(keyset), delays)
        retry_outages(lambda: client.set_flow_run_state(run_id, pause), delays)
        resumed = retry_outages(lambda: _wait_until_resumed(client, run_id, until), delays)
    return retry_outages(lambda: cast(Form, form.load(keyset)), delays) if resumed else None


def _wait_until_resumed(client: SyncPrefectClient, run_id: UUID, until: datetime) -> bool:
    while True:
        left = until - datetime.now(UTC)
        state = client.read_flow_run(run_id).state
        if state and state.is_running():
            return True
        if state and has_timed_out(state, left):
            # from this state Prefect allows only Failed, with a message of its own
            client.set_flow_run_state(run_id, Running(), force=True)
            return False
        if state and not state.is_paused():
            raise PauseEndedError(state.name or state.type.value)
        time.sleep(_POLL_SECONDS)


def has_timed_out(state: State[Any], left: timedelta) -> bool:
    """Return whether the time is up; a server whose clock is ahead has then already ended the run as Failed."""
    return left <= timedelta() if state.is_paused() else state.is_failed() and left <= _CLOCK_SKEW
