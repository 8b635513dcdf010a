"""The real stack on this machine's loopback: PostgreSQL, an S3 store, MLflow, Prefect and a worker, as processes."""
