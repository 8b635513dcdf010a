"""The Prefect flows."""
