"""MLflow runs, and the provenance of results."""
