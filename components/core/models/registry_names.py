"""How models are named in the MLflow registry, for modules that do not import MLflow."""

REGISTRY = "models:/"
"""How the address of a registered model begins: `models:/NAME@ALIAS` or `models:/NAME/VERSION`."""

MODEL_FOLDER = "model"
"""The model's folder among the artifacts of a registered version."""

NOT_FOUND_CODES = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""MLflow's error codes for a model, version or run that does not exist, and for an alias that a model does not have."""
