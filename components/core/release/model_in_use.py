"""The model that `stemline separate` takes: the live version or, as long as there is none, the model that ships."""

from components.core.base.errors import UserError
from components.core.models.addresses import SHIPPED, has_registered_version
from components.core.models.description import REGISTRY
from components.core.release.journal import open_journal
from components.core.release.sections import PromoteConfig
from components.core.tracking.mlflow_address import tracking_uri


def find_model_in_use(address: str, promote: PromoteConfig) -> str:
    """Return `address`, or the folder of the shipped model where the registry has no such version yet.

    Raises UserError when the registry does not answer, or when the journal says that a version is live: then its alias
    was lost, and the shipped model would replace the stems of another model.
    """
    if not address.startswith(REGISTRY) or has_registered_version(address):
        return address
    name, _, alias = address.removeprefix(REGISTRY).partition("@")
    if alias == promote.alias:
        _require_no_live_version(address, name, promote)
    return str(SHIPPED.resolve())


def describe_model_in_use(address: str, promote: PromoteConfig) -> str:
    """Return `find_model_in_use` for a reader; raises UserError as it does."""
    in_use = find_model_in_use(address, promote)
    return address if in_use == address else f"the shipped model, {in_use}"


def _require_no_live_version(address: str, name: str, promote: PromoteConfig) -> None:
    journal = open_journal(promote.journal)
    entries = journal.entries_of(name)
    if entries and entries[-1].version:
        version = entries[-1].version
        raise UserError(
            f"{address} is not in the registry at {tracking_uri()}, but version {version} is live in the journal at "
            f"{journal.address}: set MLFLOW_TRACKING_URI to the registry that has it, or run `stemline rollback --to "
            f"{version} --why …` to make it live again, or `stemline repair` to use the shipped model from now on"
        )
