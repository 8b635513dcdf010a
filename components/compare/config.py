"""The section `compare` of params.yaml, and the options of a single comparison."""

from pydantic import Field

from components.core.base.params import Section


class CompareConfig(Section):
    """The parameters of the statistics.

    confidence    confidence of the intervals; the level of the tests is 1 minus this
    resamples     number of resamples in the bootstrap over tracks
    seed          seed of the bootstrap
    reference     the system that the pictures of differences compare with; the best system of a target where none is
                  given, or where the given one has no scores of this target
    """

    confidence: float = Field(gt=0.5, lt=1)
    resamples: int = Field(ge=1000)
    seed: int
    reference: str | None = None


class CompareOptions(Section):
    """The options of a comparison on the command line."""

    systems: str | None = Field(
        None, description="Names, separated by commas; `stemline systems` lists them [default: all]"
    )
    only_models: bool = Field(False, description="Train no system; score only what --models names.")
    post: str = Field(
        "mask,mwf", description="How stems are made from estimates: mask, or mask,mwf to add the Wiener filter."
    )
    tracks: int | None = Field(None, ge=1, description="How many test tracks to score [default: all]")
    steps: int | None = Field(None, ge=1, description="How many steps to train [default: as in the recipe]")
    small: bool = Field(False, description="Small networks, trained in a minute or two each.")
    scores: tuple[str, ...] = Field(
        (), description="NAME=FOLDER: scores of others, as museval's JSON files. Repeatable."
    )
    models: tuple[str, ...] = Field(
        (), description="NAME=FOLDER or NAME=models:/NAME@ALIAS: a model that is only scored. Repeatable."
    )
