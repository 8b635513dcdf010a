"""Scores as tables, pictures and MLflow metrics."""
