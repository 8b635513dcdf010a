"""The section `evaluate` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from components.core.base.params import Section
from components.core.separating.postprocessing_config import PostProcessing

SystemName = Literal["model", "mixture", "ibm", "irm1", "irm2", "mwf"]
"""The keys of `SYSTEMS` in scoring/systems.py, which needs torch."""


class EvaluateConfig(Section):
    """The systems, tracks and scorer of an evaluation.

    scorer             `fast` (bss_eval.py) or `museval`
    window_seconds     length of a frame, and the distance between frames; museval and SiSEC use 1 s
    tracks             number of test tracks to score, chosen by a hash of their names; all when it is not given
    systems            names in `systems.SYSTEMS`, in the order of the table
    post               post-processings of the model's estimates, by name; each is scored beside the model
    pictures_seconds   length of the spectrograms
    """

    scorer: Literal["fast", "museval"]
    window_seconds: Annotated[float, Field(gt=0)]
    tracks: Annotated[int, Field(gt=0)] | None = None
    systems: Annotated[tuple[SystemName, ...], Field(min_length=1)]
    post: dict[Annotated[str, Field(pattern=r"^[a-z0-9-]+$")], PostProcessing]
    pictures_seconds: Annotated[float, Field(gt=0)]

    @field_validator("systems")
    @classmethod
    def _check_systems(cls, names: tuple[SystemName, ...]) -> tuple[SystemName, ...]:
        if len(set(names)) < len(names):
            raise ValueError("a system is named twice: name each once")
        return names
