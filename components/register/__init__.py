"""register: a trained model becomes a version in MLflow's registry."""
