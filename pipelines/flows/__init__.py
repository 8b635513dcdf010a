"""The Prefect flows."""

import pipelines.running  # noqa: F401  (sets up Prefect's settings before Prefect is imported)
