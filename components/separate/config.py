"""The section `separate` of params.yaml."""

from components.core.params import Section
from components.core.postprocessing import PostProcessing


class SeparateConfig(Section):
    """What separates, and how.

    model   `models:/NAME@ALIAS` or `models:/NAME/VERSION` of the MLflow registry, or the folder of a model; where the
            registry has no such version, the model that ships with Stemline is taken
    post    how the network's estimates become stems
    """

    model: str = "models:/vocal-isolation@champion"
    post: PostProcessing = PostProcessing()
