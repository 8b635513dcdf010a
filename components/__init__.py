"""The work: one folder a step, and `core`, the ground floor that the steps share. No Prefect in here."""
