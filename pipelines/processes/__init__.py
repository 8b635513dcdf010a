"""Programs that the pipeline starts: how they run, end and say what went wrong. No Prefect in here."""
