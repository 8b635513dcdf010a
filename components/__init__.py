"""The work: one folder a step, and `core`, the ground floor that the steps share. No Prefect in here."""

from components.core.base.garbage_collection import rest_while_importing

rest_while_importing()
