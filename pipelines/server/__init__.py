"""This project's content of a Prefect server: deployments, automations, events, paused runs."""

import pipelines.running  # noqa: F401  (sets up Prefect's settings before Prefect is imported)
