"""Programs that the pipeline starts: their command lines, ends and errors. Nothing in here imports Prefect."""
