"""Spleeter's network, as published (Hennequin et al., JOSS 2020): a U-Net for each stem on the mixture's magnitudes.

Six 5×5 convolutions of stride 2 lead down and six transposed ones lead up. A dilated 4×4 convolution follows. A stem
has 9.82 million weights. The authors' models differ: the 2-stem model has (leaky) ReLU, the 4- and 5-stem models ELU.
The 2- and 4-stem models end in a sigmoid for each stem (`unet.unet`), the 5-stem model in a softmax over the stems
(`unet.softmax_unet`).
"""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from components.core.networks.architectures.spleeter import SpleeterConfig
from components.core.networks.base.separator import Separator
from components.core.networks.base.spectrogram import SILENCE, MaskSeparator

_MASK_FUNCTIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "softmax": partial(torch.softmax, dim=1),  # over the stems
}
"""The function for each value of `masks`: logits `(batch, stems, channels, bins, frames)` to masks."""


class StemUNets(nn.Module):
    """One U-Net for each stem: magnitudes `(batch, channels, bins, frames)` to masks `(batch, stems, …)`."""

    def __init__(self, config: SpleeterConfig, stems: int, channels: int) -> None:
        super().__init__()
        self.level_range = config.level_range
        self.multiple = 2 ** len(config.widths)
        self.stems = nn.ModuleList(StemUNet(config, channels) for _ in range(stems))
        self.as_masks = _MASK_FUNCTIONS[config.masks]

    def forward(self, magnitude: Tensor) -> Tensor:
        """Pad bins and frames to a multiple of the strides, run every stem's U-Net, and cut the padding off again."""
        bins, frames = magnitude.shape[-2:]
        scaled = magnitude if self.level_range is None else _scale(magnitude, *self.level_range)
        padded = nn.functional.pad(scaled, (0, -frames % self.multiple, 0, -bins % self.multiple))
        logits = torch.stack([stem(padded) for stem in self.stems], dim=1)
        return self.as_masks(logits)[..., :bins, :frames]


def _scale(magnitude: Tensor, lowest: float, highest: float) -> Tensor:
    """Scale each item of a batch whose root mean square is outside `lowest` to `highest` to the nearest of both."""
    level = magnitude.square().mean(dim=(1, 2, 3), keepdim=True).add(SILENCE).sqrt()
    return magnitude * (level.clamp(lowest, highest) / level)


class StemUNet(nn.Module):
    """Magnitudes `(batch, channels, bins, frames)` to the logits of the masks, in the same shape."""

    def __init__(self, config: SpleeterConfig, channels: int) -> None:
        super().__init__()
        widths = config.widths
        self.down = nn.ModuleList(Strided(above, below) for above, below in pairwise((channels, *widths)))
        # the deepest convolution has no norm: in the published network nothing uses its norm and activation
        self.norms = nn.ModuleList(_norm(width) for width in widths[:-1])
        self.leak = nn.ELU() if config.activation == "elu" else nn.LeakyReLU(0.2)
        outputs = (*reversed(widths[:-1]), 1)
        inputs = (widths[-1], *(2 * width for width in reversed(widths[:-1])))
        self.up = nn.ModuleList(
            _Up(width, output, config.activation, config.dropout if level < 3 else 0.0)
            for level, (width, output) in enumerate(zip(inputs, outputs, strict=True))
        )
        self.head = nn.Conv2d(1, channels, 4, dilation=2)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_uniform_(module.weight)

    def forward(self, magnitude: Tensor) -> Tensor:
        skips = []
        features = magnitude
        for level, down in enumerate(self.down):
            convolved = down(features)
            if level < len(self.norms):
                skips.append(convolved)
                features = self.leak(self.norms[level](convolved))
        features = self.up[0](convolved)
        for up, skip in zip(list(self.up)[1:], reversed(skips), strict=True):
            features = up(torch.cat([skip, features], dim=1))
        logits: Tensor = self.head(nn.functional.pad(features, (3, 3, 3, 3)))
        return logits


class Strided(nn.Conv2d):
    """Stride 2 with TensorFlow's 'same' padding: one row before, two after."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 5, stride=2)

    def forward(self, image: Tensor) -> Tensor:
        """`(batch, inputs, bins, frames)` to `(batch, outputs, bins / 2, frames / 2)`."""
        return super().forward(nn.functional.pad(image, (1, 2, 1, 2)))


class _Up(nn.Sequential):
    """Transposed convolution of stride 2 with 'same' padding, activation, batch norm, dropout."""

    def __init__(self, inputs: int, outputs: int, activation: str, dropout: float) -> None:
        super().__init__(
            Transposed(inputs, outputs),
            nn.ELU() if activation == "elu" else nn.ReLU(),
            _norm(outputs),
            nn.Dropout(dropout),
        )


class Transposed(nn.ConvTranspose2d):
    """Transposed 5×5 convolution of stride 2 with 'same' padding: the output has twice the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 5, stride=2)

    def forward(self, image: Tensor, output_size: list[int] | None = None) -> Tensor:
        """`(batch, inputs, bins, frames)` to `(batch, outputs, 2 bins, 2 frames)`."""
        return super().forward(image, output_size)[..., 1:-2, 1:-2]


def _norm(width: int) -> nn.Module:
    return nn.BatchNorm2d(width, eps=1e-3, momentum=0.01)  # TensorFlow's values


def build_spleeter(config: SpleeterConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`; masks become ratios of the estimated powers, as in the authors' code."""
    return MaskSeparator(StemUNets(config, stems, channels), config.stft, config.bins, config.frames, "of-powers")
