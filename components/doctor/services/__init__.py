"""Checks of MLflow, Prefect, the journal and other stores."""
