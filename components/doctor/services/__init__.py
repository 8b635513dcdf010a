"""Checks of services: MLflow, Prefect, the journal, stores, the DVC remote, clocks and ports."""
