"""The order of the work: thin Prefect flows and the command line over components. Nothing in here imports torch."""

from components.core.base.garbage_collection import collect_rarely

collect_rarely()
