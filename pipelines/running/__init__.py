"""The running of stages and steps as Prefect tasks, in this folder or in a clone of the project."""

# Prefect reads its settings when it is imported, so this import comes before any other module of this package
from pipelines.running import prefect_environment  # noqa: F401
