"""An ensemble: several separators as one, whose stems are combined."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from components.core.base.errors import UserError
from components.core.networks.architectures.ensemble import Combination, EnsembleConfig
from components.core.networks.base.compound import CompoundSeparator
from components.core.networks.base.separator import Separator, make_consistent
from components.core.sound.stft import Stft
from components.core.sound.stft_config import StftConfig


class EnsembleSeparator(CompoundSeparator):
    """Combines the stems of the separators in `network`."""

    weights: Tensor

    def __init__(self, config: EnsembleConfig, channels: int) -> None:
        super().__init__(config.members, channels)
        self.output = config.output
        self.places = [list(member.places) for member in config.members]
        weights = torch.tensor([member.weights for member in config.members])
        self.register_buffer("weights", weights / weights.sum(dim=0), persistent=False)
        self.combine_parts = _COMBINATIONS[config.combination]

    def combine(self, outputs: Sequence[Tensor]) -> Tensor:
        """Combine the output of each member, `(batch, its stems, channels, samples)`.

        Returns `(batch, stems, channels, samples)`.
        """
        parts = [output[:, places] for output, places in zip(outputs, self.places, strict=True)]
        return self.combine_parts(torch.stack(parts), self.weights[:, None, :, None, None])

    def estimates(self, mixture: Tensor) -> Tensor:
        """Combine the estimates of the members."""
        return self.combine([member.estimates(mixture) for member in self.members])

    def forward(self, mixture: Tensor) -> Tensor:
        """Return stems that add up to the mixture."""
        if self.output == "estimates":
            return make_consistent(self.estimates(mixture), mixture)
        return make_consistent(self.combine([member(mixture) for member in self.members]), mixture)


def _mean(parts: Tensor, weights: Tensor) -> Tensor:
    return (parts * weights).sum(dim=0)


def _median(parts: Tensor, _weights: Tensor) -> Tensor:
    """Return the middle one of the sorted values, or the mean of the two in the middle."""
    ordered, count = parts.sort(dim=0).values, len(parts)
    return (ordered[(count - 1) // 2] + ordered[count // 2]) / 2


def _smallest(parts: Tensor, _weights: Tensor) -> Tensor:
    return _choose_bins(parts, torch.argmin)


def _largest(parts: Tensor, _weights: Tensor) -> Tensor:
    return _choose_bins(parts, torch.argmax)


def _choose_bins(parts: Tensor, choose: Callable[..., Tensor]) -> Tensor:
    """Return the samples of a spectrum that has each bin of each frame from the member that `choose` finds."""
    stft = Stft(StftConfig()).to(parts.device)
    spectra = stft(parts.float())
    chosen = choose(spectra.abs(), dim=0, keepdim=True)
    return stft.inverse(spectra.gather(0, chosen).squeeze(0), parts.shape[-1])


_COMBINATIONS: Mapping[Combination, Callable[[Tensor, Tensor], Tensor]] = {
    "mean": _mean, "median": _median, "min": _smallest, "max": _largest,
}  # fmt: skip
"""From the stems of all members, `(members, batch, stems, channels, samples)`, and their weights to the stems."""


def build_ensemble(config: EnsembleConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`; raises UserError when it is for another number of stems."""
    if len(config.members[0].places) != stems:
        raise UserError(
            f"the ensemble combines {len(config.members[0].places)} stems, not {stems}: give each member a place and a "
            "weight for each stem"
        )
    return EnsembleSeparator(config, channels)
