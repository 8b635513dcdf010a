"""The work: one package per step, and `core`, which the steps share. Nothing in here imports Prefect."""

from components.core.base.garbage_collection import pause_collection_while_importing

pause_collection_while_importing()
