"""register: makes a trained model a version in MLflow's registry."""
