"""The champion: the version of a registered model that an alias of the registry points to."""

import mlflow
from mlflow.exceptions import MlflowException

from components.core.base.errors import UserError
from components.core.models.registry_names import NOT_FOUND_CODES
from components.core.tracking import mlflow_runs


def champion_version(client: mlflow.MlflowClient, name: str, alias: str) -> int | None:
    """Return the version that the alias points to; None when the registry has no such model or no such alias.

    Raises UserError when the registry does not answer: it must not pass for a registry without a champion, because the
    gate would then apply its easiest rule.
    """
    try:
        return int(client.get_model_version_by_alias(name, alias).version)
    except MlflowException as error:
        if error.error_code in NOT_FOUND_CODES:
            return None
        raise UserError(
            f"the registry at {mlflow_runs.store_address()} does not say who is @{alias}: "
            f"{mlflow_runs.error_reason(error)}"
        ) from None
