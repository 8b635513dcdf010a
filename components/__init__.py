"""The work: one folder per step, and `core`, the ground floor that the steps share. No Prefect in here."""

from components.core.base.garbage_collection import pause_collection_while_importing

pause_collection_while_importing()
