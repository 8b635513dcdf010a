"""Post-processing of a network's estimates: no new training is needed.

Every choice works on samples, so it fits any `Separator`: the estimates are transformed, refined on the spectrogram,
and transformed back.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from components.core.networks.base.separator import Separator
from components.core.networks.base.spectrogram import compute_octave_share
from components.core.separating.postprocessing_config import PostProcessing
from components.core.separating.wiener import wiener_filter
from components.core.sound.stft import Stft
from components.core.sound.stft_config import StftConfig

_FAINTEST = 1e-20  # of a magnitude
_LONGEST_SHIFT = 0.5  # of a second at 44.1 kHz, as Demucs' (Défossez et al., 2019)


def post_processed(separator: Separator, post: PostProcessing) -> Separator:
    """Return a separator that does what `post` says around `separator`, in evaluation mode like it."""
    refined = separator if post.method == "native" else Refined(separator, post)
    return (refined if post.shifts == 1 else Shifted(refined, post.shifts)).train(separator.training)


class Shifted(Separator):
    """The average over several small shifts in time, since stems depend a little on the position of the frames."""

    def __init__(self, separator: Separator, shifts: int) -> None:
        super().__init__()
        self.network = separator.network
        self.inner, self.segment, self.band = separator, separator.segment, separator.band
        self.offsets = [round(_LONGEST_SHIFT * 44100 * number / shifts) for number in range(shifts)]

    def estimates(self, mixture: Tensor) -> Tensor:
        """Shift by leading silence, separate, shift back; same shapes as any separator's."""
        padded = (torch.nn.functional.pad(mixture, (offset, 0)) for offset in self.offsets)
        shifted = [self.inner(audio)[..., offset:] for offset, audio in zip(self.offsets, padded, strict=True)]
        return torch.stack(shifted).mean(dim=0)


class Refined(Separator):
    """Estimates refined on the spectrogram, with the mixture at hand."""

    def __init__(self, separator: Separator, post: PostProcessing, stft: StftConfig | None = None) -> None:
        super().__init__()
        self.network = separator.network
        self.inner, self.segment, self.band = separator, separator.segment, separator.band
        self.post = post
        self.stft = Stft(stft or StftConfig())

    def estimates(self, mixture: Tensor) -> Tensor:
        """Separate, refine below the network's limit, extend above it; the stems add up to the mixture."""
        whole = self.stft(mixture)
        bins = round(self.band * whole.shape[-2])
        spectrum, above = whole.split([bins, whole.shape[-2] - bins], dim=-2)
        stems = self.stft(self.inner.estimates(mixture))[..., :bins, :]
        refined = _METHODS[self.post.method](stems, spectrum, self.post)
        refined = refined + (spectrum.unsqueeze(1) - refined.sum(dim=1, keepdim=True)) / refined.shape[1]
        extension = _ABOVE[self.post.above](refined, spectrum) * above.unsqueeze(1)
        return self.stft.inverse(torch.cat([refined, extension], dim=-2), mixture.shape[-1])


def _last_stem(stems: Tensor, mixture: Tensor) -> Tensor:
    share = torch.zeros_like(compute_octave_share(stems, mixture))
    share[:, -1] = 1.0
    return share


def _ratio(stems: Tensor, mixture: Tensor, post: PostProcessing) -> Tensor:
    """Masks |ŝ|ᵖ / Σ |ŝ|ᵖ on the mixture (Liutkus and Badeau, ICASSP 2015: α-Wiener filters)."""
    magnitude = stems.abs() + _FAINTEST  # where all stems are silent, they get the same shares
    power = (magnitude / magnitude.amax(dim=1, keepdim=True)).pow(post.exponent)  # relative: no power is too small
    return power / power.sum(dim=1, keepdim=True) * mixture.unsqueeze(1)


def _wiener(stems: Tensor, mixture: Tensor, post: PostProcessing) -> Tensor:
    return wiener_filter(stems, mixture, post.iterations)


_METHODS: dict[str, Callable[[Tensor, Tensor, PostProcessing], Tensor]] = {"ratio": _ratio, "wiener": _wiener}
_ABOVE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"average": compute_octave_share, "zero": _last_stem}
