"""Checks of what other machines may serve: MLflow, Prefect, the journal, stores, the DVC remote, clocks and ports."""
