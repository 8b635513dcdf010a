"""The two models that are compared, loaded and applied as the step `separate` does it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from pydantic import ConfigDict

from components.core.base.errors import UserError
from components.core.base.params import Section
from components.core.base.workspace import SCRATCH
from components.core.models.addresses import ModelAddress, fetch_model
from components.core.models.model_folder import Model, load_model
from components.core.networks.base.separator import Separator
from components.core.release.listening_result import ComparedModel
from components.core.separating.fast import Precision, best_precision, for_inference
from components.core.separating.postprocessing import post_processed
from components.core.separating.postprocessing_config import PostProcessing
from components.core.separating.segments import separate_audio
from components.core.sound.decoding import Audio
from components.core.sound.resampling import convert_channels, resample
from components.shadow.key import Role


class SeparateSection(Section):
    """The keys of the section `separate` that change how stems sound."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    post: PostProcessing
    precision: Literal["auto", "bf16", "fp32"]


@dataclass(frozen=True)
class Candidate:
    """A loaded model, its address, and its network ready for inference."""

    role: Role
    address: ModelAddress
    model: Model
    separator: Separator
    overlap: float

    @property
    def compared_model(self) -> ComparedModel:
        """Its name and digest, as the key names them."""
        registered = f"{self.address.name}/{self.address.version}"
        return ComparedModel(registered if self.address.version else str(self.address.folder), self.model.digest)

    def separate(self, mixture: Audio, rate: int) -> dict[str, Audio]:
        """Return the estimated stem of each target for `(channels, samples)` at `rate` Hz, in the same shape.

        The model separates as many channels at once as it was trained on, as `separate` does it.
        """
        step = self.model.channels
        groups = [self._separate_group(mixture[first : first + step], rate) for first in range(0, len(mixture), step)]
        return dict(zip(self.model.targets, np.concatenate(groups, axis=1), strict=True))

    def _separate_group(self, group: Audio, rate: int) -> Audio:
        """Return stems `(targets, channels, samples)`."""
        adapted = resample(convert_channels(group, self.model.channels), rate, self.model.rate)
        stems = separate_audio(self.separator, adapted, self.overlap)
        length = group.shape[1]
        shaped = (resample(convert_channels(stem, len(group)), self.model.rate, rate)[:, :length] for stem in stems)
        return np.stack([np.pad(stem, ((0, 0), (0, length - stem.shape[1]))) for stem in shaped])


def load_pair(challenger: str, champion: str, section: SeparateSection) -> tuple[Candidate, Candidate]:
    """Load both models; raises UserError when their targets differ, or when they are the same model."""
    pair = _load("challenger", challenger, section), _load("champion", champion, section)
    first, second = (set(candidate.model.targets) for candidate in pair)
    if first != second:
        raise UserError(
            f"{challenger} gives {', '.join(sorted(first))} and {champion} gives {', '.join(sorted(second))}: "
            "name two models of the same stems"
        )
    if pair[0].model.digest == pair[1].model.digest:
        raise UserError(f"{challenger} and {champion} are the same model: name two different ones")
    return pair


def _load(role: Role, address: str, section: SeparateSection) -> Candidate:
    found = fetch_model(address, SCRATCH / "models")
    model = load_model(found.folder)
    precisions: dict[str, Precision] = {"bf16": "bf16", "fp32": "fp32", "auto": best_precision()}
    separator = post_processed(for_inference(model.separator, precisions[section.precision]), section.post)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Candidate(role, found, model, separator.to(device), section.post.overlap)
