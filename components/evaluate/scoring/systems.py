"""Scored systems: model, post-processings, mixture (floor), oracles (ceilings).

To add a system, write its function and add a line to SYSTEMS.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components.core.data.score_tables import MIXTURE, MODEL, POST_PREFIX
from components.core.models.model_folder import Model
from components.core.separating.postprocessing_config import PostProcessing
from components.core.separating.segments import separate_audio
from components.core.sound.decoding import Audio
from components.evaluate.scoring.merged_stems import with_post
from components.evaluate.scoring.oracles import ideal_binary, ideal_ratio, ideal_wiener, oracle
from components.evaluate.scoring.track_signals import scored_targets

Estimator = Callable[[Model, Audio, Audio], Audio]
"""Function of a model, a mixture `(channels, samples)` and references `(targets, channels, samples)`.

It returns estimates in the shape of the references. It may append the accompaniment, where this is scored but is not
the sum of the other estimates.
"""


@dataclass(frozen=True)
class System:
    """A way to estimate the targets; `title` is its name in pictures, `role` its part in the table."""

    estimate: Estimator
    title: str
    role: str = ""


def separate_by_model(model: Model, mixture: Audio, references: Audio) -> Audio:
    """Return the stems that a user of the model gets."""
    return separate_audio(model.separator, mixture)


def repeat_mixture(model: Model, mixture: Audio, references: Audio) -> Audio:
    """Return the mixture itself as the estimate of every target, the accompaniment too: the score of doing nothing."""
    return np.broadcast_to(mixture, (len(scored_targets(model.targets)), *mixture.shape))


SYSTEMS: Mapping[str, System] = {
    MODEL: System(separate_by_model, "Model"),
    MIXTURE: System(repeat_mixture, "Mixture", "floor"),
    "ibm": System(oracle(ideal_binary), "IBM oracle", "ceiling"),
    "irm1": System(oracle(ideal_ratio(1)), "IRM1 oracle", "ceiling"),
    "irm2": System(oracle(ideal_ratio(2)), "IRM2 oracle", "ceiling"),
    "mwf": System(oracle(ideal_wiener), "MWF oracle", "ceiling"),
}
"""Name, as in `evaluate.systems` of params.yaml, to system."""


def all_systems(names: Sequence[str], post: Mapping[str, PostProcessing]) -> list[str]:
    """Return the systems in `names`; the model is followed by one system per post-processing."""
    after = [f"{POST_PREFIX}{name}" for name in post]
    return [system for name in names for system in ([name, *after] if name == MODEL else [name])]


def estimator(system: str, post: Mapping[str, PostProcessing]) -> Estimator:
    """Return the estimator of a system that `all_systems` returned."""
    if system in SYSTEMS:
        return SYSTEMS[system].estimate
    chosen = post[system.removeprefix(POST_PREFIX)]

    def separate_and_process(model: Model, mixture: Audio, references: Audio) -> Audio:
        return separate_audio(with_post(model.separator, chosen), mixture, chosen.overlap)

    return separate_and_process


def title(system: str) -> str:
    """Return a system's name in pictures."""
    return SYSTEMS[system].title if system in SYSTEMS else f"+ {system.removeprefix(POST_PREFIX)}"


def role(system: str) -> str:
    """Return `floor`, `ceiling`, or nothing for the model and its post-processings."""
    return SYSTEMS[system].role if system in SYSTEMS else ""
