"""The section `evaluate` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from components.core.base.params import Section
from components.core.separating.postprocessing import PostProcessing
from components.evaluate.scoring.systems import SYSTEMS


class EvaluateConfig(Section):
    """What is scored, and how it is shown.

    scorer             fast: our own BSS Eval v4 (bss_eval.py), or museval
    window_seconds     length of a frame, and the distance from one to the next; 1 s is museval's and SiSEC's
    tracks             how many of the test tracks are scored, chosen by a hash of their names; 0: all
    systems            names in `systems.SYSTEMS`, in the order of the table
    post               other ways to make stems of the model's estimates, by name; each is scored beside the model
    pictures_seconds   how much of the first scored track the spectrograms show
    """

    scorer: Literal["fast", "museval"] = "fast"
    window_seconds: Annotated[float, Field(gt=0)] = 1.0
    tracks: Annotated[int, Field(ge=0)] = 0
    systems: Annotated[tuple[str, ...], Field(min_length=1)] = ("model", "mixture", "irm2")
    post: dict[Annotated[str, Field(pattern=r"^[a-z0-9-]+$")], PostProcessing] = Field(default_factory=dict)
    pictures_seconds: Annotated[float, Field(gt=0)] = 6.0

    @field_validator("systems")
    @classmethod
    def _check_systems(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(names) - SYSTEMS.keys()):
            raise ValueError(f"no system '{unknown[0]}' (there are {', '.join(sorted(SYSTEMS))})")
        if len(set(names)) < len(names):
            raise ValueError("a system is named twice")
        return names
