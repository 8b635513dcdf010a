"""What RoFormers on bands of the spectrum share: attention along time and along the bands in turns.

A frame of the spectrum is cut into bands, and each band becomes a token. Attention with rotary positions (Su et al.,
arXiv 2104.09864) runs along time and along the bands in turns. A small network for each band and stem makes complex
masks from the tokens. The weights have the names of the code that trained the published ones
(Music-Source-Separation-Training).
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from components.core.networks.base.roformer_config import RoformerConfig
from components.core.networks.base.spectral_network import SpectralNetwork
from components.core.sound.stft_config import StftConfig

_FEED_FORWARD_EXPANSION = 4
_LONGEST_PERIOD = 10000.0  # of the rotary positions, as a multiple of the shortest, in Su et al.

MakeNorm = Callable[[int], nn.Module]
"""A function from the number of features to the norm of a place in the network, or to an identity."""


class RmsNorm(nn.Module):
    """Features with a root mean square of 1, at any level, times weights (Zhang and Sennrich, NeurIPS 2019)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, features: Tensor) -> Tensor:
        """`(…, width)` to the same shape."""
        scale: float = features.shape[-1] ** 0.5
        return nn.functional.normalize(features, dim=-1) * scale * self.gamma


class RotaryPositions(nn.Module):
    """Turns each pair of features by an angle that grows with the position, so that products depend on distances."""

    freqs: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("freqs", rotary_frequencies(width), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """`(…, positions, width)` to the same shape and type."""
        positions = torch.arange(features.shape[-2], device=features.device, dtype=self.freqs.dtype)
        angles = positions[:, None] * self.freqs
        even, odd = features[..., 0::2], features[..., 1::2]
        cosine, sine = angles.cos(), angles.sin()
        turned = torch.stack([even * cosine - odd * sine, odd * cosine + even * sine], dim=-1)
        return turned.flatten(-2).to(features.dtype)


def rotary_frequencies(width: int) -> Tensor:
    """Return the angle per position of each pair of features, `(width / 2,)`, in radians."""
    return 1.0 / _LONGEST_PERIOD ** (torch.arange(0, width, 2).float() / width)


class Attention(nn.Module):
    """Attention of all positions to all positions; each head has a gate."""

    def __init__(self, width: int, heads: int, head_width: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.rotary_embed = RotaryPositions(head_width)
        self.norm = RmsNorm(width)
        self.to_qkv = nn.Linear(width, 3 * heads * head_width, bias=False)
        self.to_gates = nn.Linear(width, heads)
        self.to_out = nn.Sequential(nn.Linear(heads * head_width, width, bias=False), nn.Dropout(dropout))

    def forward(self, tokens: Tensor) -> Tensor:
        """`(sequences, positions, width)` to the same shape."""
        tokens = self.norm(tokens)
        sequences, positions, _ = tokens.shape
        heads = self.to_qkv(tokens).reshape(sequences, positions, 3, self.heads, -1)
        queries, keys, values = heads.permute(2, 0, 3, 1, 4).unbind(0)
        attended = nn.functional.scaled_dot_product_attention(
            self.rotary_embed(queries), self.rotary_embed(keys), values,
            dropout_p=self.dropout if self.training else 0.0,
        )  # fmt: skip
        gates = self.to_gates(tokens).sigmoid().transpose(1, 2).unsqueeze(-1)
        result: Tensor = self.to_out((attended * gates).transpose(1, 2).flatten(2))
        return result


class FeedForward(nn.Module):
    """Two linear layers at each position."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        hidden = _FEED_FORWARD_EXPANSION * width
        self.net = nn.Sequential(
            RmsNorm(width), nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, width),
            nn.Dropout(dropout),
        )  # fmt: skip

    def forward(self, tokens: Tensor) -> Tensor:
        """`(…, width)` to the same shape."""
        result: Tensor = self.net(tokens)
        return result


class Transformer(nn.Module):
    """Layers of attention and feed-forward, each added to its input, and a norm."""

    def __init__(self, layers: int, config: RoformerConfig, make_norm: MakeNorm) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleList([
                Attention(config.width, config.heads, config.head_width, config.dropout),
                FeedForward(config.width, config.dropout),
            ])
            for _ in range(layers)
        )  # fmt: skip
        self.norm = make_norm(config.width)

    def forward(self, tokens: Tensor) -> Tensor:
        """`(sequences, positions, width)` to the same shape."""
        for layer in self.layers:
            attention, feed_forward = layer.children()
            tokens = tokens + attention(tokens)
            tokens = tokens + feed_forward(tokens)
        result: Tensor = self.norm(tokens)
        return result


class BandSplit(nn.Module):
    """A token for each band, from all numbers of the band in a frame."""

    def __init__(self, sizes: Sequence[int], width: int) -> None:
        super().__init__()
        self.sizes = list(sizes)
        self.to_features = nn.ModuleList(nn.Sequential(RmsNorm(size), nn.Linear(size, width)) for size in sizes)

    def forward(self, numbers: Tensor) -> Tensor:
        """`(batch, frames, sum of sizes)` to `(batch, frames, bands, width)`."""
        bands = torch.split(numbers, self.sizes, dim=-1)
        return torch.stack([embed(band) for embed, band in zip(self.to_features, bands, strict=True)], dim=-2)


class MaskEstimator(nn.Module):
    """The masks of one stem: a small network for each band, with a gated output."""

    def __init__(self, sizes: Sequence[int], config: RoformerConfig) -> None:
        super().__init__()
        self.to_freqs = nn.ModuleList(nn.Sequential(_perceptron(config, 2 * size), nn.GLU(dim=-1)) for size in sizes)

    def forward(self, tokens: Tensor) -> Tensor:
        """`(batch, frames, bands, width)` to `(batch, frames, sum of sizes)` in float32.

        Autocast makes the numbers bfloat16, for which torch has no complex type.
        """
        bands = tokens.unbind(dim=-2)
        masks = [estimate(band) for estimate, band in zip(self.to_freqs, bands, strict=True)]
        return torch.cat(masks, dim=-1).float()


def _perceptron(config: RoformerConfig, outputs: int) -> nn.Sequential:
    hidden = (config.mask_expansion * config.width,) * (config.mask_layers - 1)
    layers: list[nn.Module] = []
    for before, after in pairwise((config.width, *hidden, outputs)):
        layers += [nn.Linear(before, after), nn.Tanh()]
    return nn.Sequential(*layers[:-1])


class Roformer(SpectralNetwork):
    """Complex masks between an STFT and its inverse, at any loudness: bands are normalised, and masks are relative.

    `bands` gives the number of bins of each band, in the order of `split_bands`; `block_norm` makes the norm at the end
    of each transformer, and `last_norm` the one before the mask estimators.
    """

    def __init__(
        self,
        config: RoformerConfig,
        bands: Sequence[int],
        stems: int,
        channels: int,
        block_norm: MakeNorm,
        last_norm: MakeNorm,
    ) -> None:
        super().__init__(StftConfig(window=config.window, hop=config.hop))
        self.zero_dc = config.zero_dc
        sizes = [2 * channels * bins for bins in bands]
        self.band_split = BandSplit(sizes, config.width)
        self.layers = nn.ModuleList(
            nn.ModuleList([
                Transformer(config.time_layers, config, block_norm),
                Transformer(config.band_layers, config, block_norm),
            ])
            for _ in range(config.depth)
        )  # fmt: skip
        self.final_norm = last_norm(config.width)
        self.mask_estimators = nn.ModuleList(MaskEstimator(sizes, config) for _ in range(stems))

    @abstractmethod
    def split_bands(self, spectrum: Tensor) -> Tensor:
        """`(batch, frames, bins, channels, 2)` to `(batch, frames, bins of all bands, channels, 2)`."""

    @abstractmethod
    def join_bands(self, masks: Tensor) -> Tensor:
        """`(batch, stems, frames, bins of all bands, channels, 2)` to `(batch, stems, frames, bins, channels, 2)`."""

    def estimate_spectra(self, spectrum: Tensor) -> Tensor:
        """Multiply the mixture's spectrum by the masks of each stem."""
        real, imaginary = spectrum.unsqueeze(1).unbind(-1)
        mask_real, mask_imaginary = self._masks(spectrum).unbind(-1)
        parts = [real * mask_real - imaginary * mask_imaginary, real * mask_imaginary + imaginary * mask_real]
        return torch.stack(parts, dim=-1)

    def _masks(self, spectrum: Tensor) -> Tensor:
        """`(batch, channels, bins, frames, 2)` to `(batch, stems, channels, bins, frames, 2)`, float32."""
        bands = self.split_bands(spectrum.permute(0, 3, 2, 1, 4))
        tokens = self._attend(self.band_split(bands.flatten(2)))
        numbers = torch.stack([estimate(tokens) for estimate in self.mask_estimators.children()], dim=1)
        masks = self.join_bands(numbers.reshape(*numbers.shape[:3], *bands.shape[2:])).permute(0, 1, 4, 3, 2, 5)
        return nn.functional.pad(masks[..., 1:, :, :], (0, 0, 0, 0, 1, 0)) if self.zero_dc else masks

    def _attend(self, tokens: Tensor) -> Tensor:
        """`(batch, frames, bands, width)` to the same shape."""
        for block in self.layers:
            for transformer in block.children():  # along time, then along the bands
                across = tokens.transpose(1, 2)
                tokens = transformer(across.flatten(0, 1)).reshape(across.shape)
        result: Tensor = self.final_norm(tokens)
        return result
