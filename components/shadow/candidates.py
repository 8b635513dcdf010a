"""The two models, made ready and used as `separate` does."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from pydantic import ConfigDict

from components.core.base.errors import UserError
from components.core.base.params import Section
from components.core.base.workspace import SCRATCH
from components.core.models.addresses import ModelAddress, fetch_model
from components.core.models.bundle import Model, load_model
from components.core.networks.separator import Separator
from components.core.separating.fast import Precision, best_precision, for_inference
from components.core.separating.postprocessing import PostProcessing, post_processed
from components.core.separating.segments import separate_all
from components.core.sound.decoding import Audio, resample, to_channels
from components.shadow.key import Role, Side


class AsSeparated(Section):
    """What of the section `separate` is heard."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    post: PostProcessing = PostProcessing()
    precision: Literal["auto", "bf16", "fp32"] = "auto"


@dataclass(frozen=True)
class Candidate:
    """A model that was asked for as `address`, and its network made ready."""

    role: Role
    address: ModelAddress
    model: Model
    separator: Separator
    overlap: float

    @property
    def side(self) -> Side:
        """What the key says of it."""
        registered = f"{self.address.name}/{self.address.version}"
        return Side(called=registered if self.address.version else str(self.address.folder), sha256=self.model.digest)

    def stems(self, mixture: Audio, rate: int) -> dict[str, Audio]:
        """Return the estimated stems of `(channels, samples)` at `rate` Hz, each of the same shape, by target.

        Channels go through the model in groups of as many as it has, as when a catalogue is separated.
        """
        step = self.model.channels
        groups = [self._stems_of(mixture[first : first + step], rate) for first in range(0, len(mixture), step)]
        return dict(zip(self.model.targets, np.concatenate(groups, axis=1), strict=True))

    def _stems_of(self, group: Audio, rate: int) -> Audio:
        heard = resample(to_channels(group, self.model.channels), rate, self.model.rate)
        stems = separate_all(self.separator, heard, self.overlap)
        length = group.shape[1]
        shaped = (resample(to_channels(stem, len(group)), self.model.rate, rate)[:, :length] for stem in stems)
        return np.stack([np.pad(stem, ((0, 0), (0, length - stem.shape[1]))) for stem in shaped])


def load_pair(challenger: str, champion: str, how: AsSeparated) -> tuple[Candidate, Candidate]:
    """Return both models; raises UserError where there is nothing to compare."""
    pair = _loaded("challenger", challenger, how), _loaded("champion", champion, how)
    first, second = (set(candidate.model.targets) for candidate in pair)
    if first != second:
        raise UserError(
            f"{challenger} gives {', '.join(sorted(first))} and {champion} {', '.join(sorted(second))}: "
            "only models of the same stems can be heard beside each other"
        )
    if pair[0].model.digest == pair[1].model.digest:
        raise UserError(f"{challenger} and {champion} are the same model: there is no difference to hear")
    return pair


def _loaded(role: Role, address: str, how: AsSeparated) -> Candidate:
    found = fetch_model(address, SCRATCH / "models")
    model = load_model(found.folder)
    precisions: dict[str, Precision] = {"bf16": "bf16", "fp32": "fp32", "auto": best_precision()}
    separator = post_processed(for_inference(model.separator, precisions[how.precision]), how.post)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Candidate(role, found, model, separator.to(device), how.post.overlap)
