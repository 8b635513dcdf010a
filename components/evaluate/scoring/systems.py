"""What is scored: the model, its post-processings, and the floor and the ceiling of its table.

To add one: a function and its line here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components.core.models.bundle import Model
from components.core.separating.postprocessing import PostProcessing
from components.core.separating.segments import separate_all
from components.core.sound.decoding import Audio
from components.evaluate.scoring.merging import with_post
from components.evaluate.scoring.oracles import ideal_binary, ideal_ratio, ideal_wiener, oracle
from components.evaluate.scoring.test_tracks import scored_targets

Estimator = Callable[[Model, Audio, Audio], Audio]
"""`(model, mixture (channels, samples), references (targets, channels, samples))` to estimates like the references.

They may have the accompaniment behind them already, where it is scored and is not the sum of the others."""


@dataclass(frozen=True)
class System:
    """A way to estimate the targets; `title` is its name in pictures, `role` what it stands for in the table."""

    estimate: Estimator
    title: str
    role: str


def separate_by_model(model: Model, mixture: Audio, references: Audio) -> Audio:
    """What a user of the model gets."""
    return separate_all(model.separator, mixture)


def repeat_mixture(model: Model, mixture: Audio, references: Audio) -> Audio:
    """The mixture itself as the estimate of all that is scored, the accompaniment too: what doing nothing scores."""
    return np.broadcast_to(mixture, (len(scored_targets(model.targets)), *mixture.shape))


SYSTEMS: Mapping[str, System] = {
    "model": System(separate_by_model, "Model", ""),
    "mixture": System(repeat_mixture, "Mixture", "floor"),
    "ibm": System(oracle(ideal_binary), "IBM oracle", "ceiling"),
    "irm1": System(oracle(ideal_ratio(1)), "IRM1 oracle", "ceiling"),
    "irm2": System(oracle(ideal_ratio(2)), "IRM2 oracle", "ceiling"),
    "mwf": System(oracle(ideal_wiener), "MWF oracle", "ceiling"),
}
"""Name, as in `evaluate.systems` of params.yaml, to system."""

_POST = "model+"


def all_systems(names: Sequence[str], post: Mapping[str, PostProcessing]) -> list[str]:
    """Return the systems of a table: those named, and behind the model the model with each post-processing."""
    after = [f"{_POST}{name}" for name in post]
    return [system for name in names for system in ([name, *after] if name == "model" else [name])]


def estimator(system: str, post: Mapping[str, PostProcessing]) -> Estimator:
    """Return what estimates the targets for a name that `all_systems` gave."""
    if system in SYSTEMS:
        return SYSTEMS[system].estimate
    chosen = post[system.removeprefix(_POST)]

    def separate_and_process(model: Model, mixture: Audio, references: Audio) -> Audio:
        return separate_all(with_post(model.separator, chosen), mixture, chosen.overlap)

    return separate_and_process


def title(system: str) -> str:
    """Return a system's name for pictures."""
    return SYSTEMS[system].title if system in SYSTEMS else f"+ {system.removeprefix(_POST)}"


def role(system: str) -> str:
    """Return what a system stands for in the table; empty for the model and its post-processings."""
    return SYSTEMS[system].role if system in SYSTEMS else ""
