"""The work: one folder a step, and `core`, the ground floor that the steps share. No Prefect in here."""

from components.core.garbage import rest_while_importing

rest_while_importing()
