"""The order: thin Prefect flows and the command line over components. No torch in here."""

from components.core.base.garbage_collection import collect_rarely

collect_rarely()
