"""Journal and registry say the same of who is live before anything is trained: the gate judges by what they say.

Where a promotion was killed between the two, the one that comes next finishes it, and would then refuse a verdict
against the champion before: better before a training than after it.
"""

from mlflow.exceptions import MlflowException

from components.core.base.errors import UserError
from components.core.base.outages import outage_reason
from components.core.base.params import load_section
from components.core.release.journal import open_journal
from components.core.release.registry_consistency import Disagreement, disagreement, read_registered
from components.core.release.sections import PromoteConfig, RegisterConfig
from components.core.tracking import mlflow_runs
from components.core.tracking.mlflow_store import store_exists
from pipelines.running.place import Place


def settle(place: Place) -> None:
    """Have them say the same, by the step that `stemline repair` is; nothing is started where they do."""
    if disagreement_in(place):
        place.run_step("promote.repair")


def disagreement_in(place: Place) -> Disagreement | None:
    """Return what does not agree about the model that the parameters of `place` name; None where all does.

    Without a registry and without a journal, as before the first run, neither is made.
    """
    params = place.folder / "params.yaml"
    name, promotion = (
        load_section("register", RegisterConfig, params).name,
        load_section("promote", PromoteConfig, params),
    )
    entries = open_journal(promotion.journal).of(name)
    if not entries and not store_exists():
        return None
    client = mlflow_runs.connect()
    try:
        registered = read_registered(client, name, promotion.alias, entries[-1] if entries else None)
    except MlflowException as error:
        if outage_reason(error):
            raise
        raise UserError(
            f"the registry at {mlflow_runs.store_address()} does not answer: {mlflow_runs.error_reason(error)}"
        ) from None
    return disagreement(registered, entries, promotion.alias)
