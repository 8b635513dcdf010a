"""How a flow ends that met what a user can mend."""

from pipelines.running import prefect_environment  # noqa: F401, I001  (before Prefect, which reads its settings when imported)

from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Failed

from pipelines.running.command import said_of


def failed(error: Exception) -> State[Any]:
    """Return the end of a flow that met `error`: one line; raises it again where it is a mistake of ours."""
    return Failed(message=said_of(error))
