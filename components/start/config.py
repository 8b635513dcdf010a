"""The section `start` of params.yaml."""

from typing import Literal

from pydantic import Field

from components.core.base.params import Section


class StartConfig(Section):
    """The model that a training starts from.

    model                a folder, models:/NAME@ALIAS or models:/NAME/VERSION; empty: random weights
    retrain              what `stemline retrain` starts from: the champion, or `model`
    from_scratch_every   `stemline retrain` starts every so many versions from random weights; 0: never
    """

    model: str
    retrain: Literal["champion", "model"]
    from_scratch_every: int = Field(ge=0)
