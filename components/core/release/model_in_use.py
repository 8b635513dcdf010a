"""The model that `stemline separate` takes: the live version or, when none is live, the model that ships."""

import time
from typing import NoReturn

from components.core.base.errors import UserError
from components.core.models.addresses import SHIPPED, has_registered_version
from components.core.models.model_description import REGISTRY
from components.core.release.journal import open_journal
from components.core.release.registry_sections import PromoteConfig
from components.core.tracking.mlflow_address import tracking_uri

_SETTLING_SECONDS = 1.0
"""A promotion under way sets the alias within this time after its entry in the journal."""


def find_model_in_use(address: str, promote: PromoteConfig) -> str:
    """Return `address`, or the folder of the shipped model where no version is live.

    Only the alias of the live version has the shipped model as its substitute. Raises UserError when the registry does
    not answer, or when the journal says that a version is live: then its alias was lost, and the shipped model would
    replace the stems of another model.
    """
    if not address.startswith(REGISTRY) or has_registered_version(address):
        return address
    name, _, alias = address.removeprefix(REGISTRY).partition("@")
    if alias != promote.alias:
        return address
    if version := _live_by_journal(name, promote):
        time.sleep(_SETTLING_SECONDS)
        if has_registered_version(address):
            return address
        _refuse_lost_alias(address, name, version, promote)
    return str(SHIPPED.resolve())


def describe_model_in_use(address: str, promote: PromoteConfig) -> str:
    """Return a sentence about the model that `stemline separate` takes, or why it refuses."""
    try:
        in_use = find_model_in_use(address, promote)
    except UserError as error:
        return f"`stemline separate` refuses: {error}"
    return f"`stemline separate` takes {address if in_use == address else f'the shipped model, {in_use}'}"


def _live_by_journal(name: str, promote: PromoteConfig) -> int:
    entries = open_journal(promote.journal).entries_of(name)
    return entries[-1].version if entries else 0


def _refuse_lost_alias(address: str, name: str, version: int, promote: PromoteConfig) -> NoReturn:
    raise UserError(
        f"{address} is not in the registry at {tracking_uri()}, but version {version} is live in the journal at "
        f"{open_journal(promote.journal).address}: set MLFLOW_TRACKING_URI to the registry that has it, or run "
        f"`stemline repair --name {name}` to set the alias again (with --adopt to accept that no version is live)"
    )
