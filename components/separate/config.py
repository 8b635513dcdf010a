"""The section `separate` of params.yaml."""

from components.core.params import Section


class SeparateConfig(Section):
    """`model`: `models:/NAME@ALIAS` or `models:/NAME/VERSION` of the MLflow registry, or the folder of a model."""

    model: str
