"""From a trained model to a live one: register, gate, approval and promotion."""

import pipelines.running  # noqa: F401  (sets up Prefect's settings before Prefect is imported)
