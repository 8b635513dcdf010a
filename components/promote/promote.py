"""Move the champion's alias to the version that passed."""

from datetime import UTC, datetime

import mlflow
from mlflow.exceptions import MlflowException

from components.core import tracking
from components.core.errors import UserError
from components.core.model_store import NOT_THERE
from components.core.verdict import Verdict
from components.promote.config import PromoteConfig


def promote(config: PromoteConfig, verdict: Verdict) -> bool:
    """Make the judged version the champion if it passed; return whether the alias was moved."""
    client = tracking.connect()
    if not verdict.passed or champion_version(client, verdict.name, config.alias) == verdict.version:
        return False
    try:
        client.set_registered_model_alias(verdict.name, config.alias, str(verdict.version))
    except MlflowException:
        raise UserError(
            f"version {verdict.version} of {verdict.name} is not in the registry at {tracking.tracking_uri()}: "
            "register and judge it again with `stemline run`"
        ) from None
    now = datetime.now(UTC).isoformat(timespec="seconds")
    client.set_model_version_tag(verdict.name, str(verdict.version), "promoted_at", now)
    return True


def champion_version(client: mlflow.MlflowClient, name: str, alias: str) -> int | None:
    """Return the version that the alias points to, or None when there is no such model or alias yet.

    Raises UserError when the registry cannot say: what does not answer must not be taken for a registry without a
    champion, since the gate would then judge by its easiest rule.
    """
    try:
        return int(client.get_model_version_by_alias(name, alias).version)
    except MlflowException as error:
        if error.error_code in NOT_THERE:
            return None
        reason = str(error).splitlines()[0]
        raise UserError(f"the registry at {tracking.tracking_uri()} does not say who is @{alias}: {reason}") from None
