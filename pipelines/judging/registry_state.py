"""Whether the journal of promotions and MLflow's registry agree about the live version."""

from pathlib import Path

from mlflow.exceptions import MlflowException

from components.core.base.errors import UserError
from components.core.base.outages import outage_reason
from components.core.base.params import PARAMS, load_section
from components.core.release.journal import open_journal
from components.core.release.registry_consistency import Disagreement, compare_with_journal, read_registry_state
from components.core.release.sections import PromoteConfig, RegisterConfig
from components.core.tracking import mlflow_runs
from components.core.tracking.mlflow_store import store_exists


def find_disagreement(params: Path = PARAMS) -> Disagreement | None:
    """Return where journal and registry differ about the model that `params` names; None if they agree.

    Creates neither of them when both are missing, as before the first run.
    """
    name, promotion = (
        load_section("register", RegisterConfig, params).name,
        load_section("promote", PromoteConfig, params),
    )
    entries = open_journal(promotion.journal).entries_of(name)
    if not entries and not store_exists():
        return None
    client = mlflow_runs.connect()
    try:
        registered = read_registry_state(client, name, promotion.alias, entries[-1] if entries else None)
    except MlflowException as error:
        if outage_reason(error):
            raise
        raise UserError(
            f"the registry at {mlflow_runs.store_address()} does not answer: {mlflow_runs.error_reason(error)}"
        ) from None
    return compare_with_journal(registered, entries, promotion.alias)
