"""Wave-U-Net (Stoller, Ewert and Dixon, ISMIR 2018): a U-Net on the samples.

Each level down is a convolution that keeps every second sample; each level up is linear interpolation, concatenation of
the skip, and a convolution. The last stem is the mixture minus the others ("difference output"). No convolution is
padded: the output is shorter than the input, so that every output sample has its full context ("input context"). The
defaults are the paper's M4, its best for vocals: stereo, 12 layers with 24 more filters each, filters of 15 and 5
samples. (M5 learns the interpolation; the authors' later M5-HighSR is M5 at 44.1 kHz.)
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from components.core.networks.architectures.wave_unet import WaveUNetConfig
from components.core.networks.base.separator import Separator
from components.core.networks.base.waveform import WaveformSeparator


class WaveUNet(nn.Module):
    """`(batch, channels, samples)` to `(batch, stems, channels, samples − context)`.

    The input has `output_length(…) + context` samples (see the config).
    """

    def __init__(self, config: WaveUNetConfig, stems: int, channels: int) -> None:
        super().__init__()
        self.stems, self.channels = stems, channels
        widths = [channels, *(config.filters * level for level in range(1, config.layers + 1))]
        self.down = nn.ModuleList(_layer(above, below, config.down) for above, below in pairwise(widths))
        deepest = widths[-1] + config.filters
        self.bottom = _layer(widths[-1], deepest, config.down)
        inputs = [deepest, *reversed(widths[2:])]
        skips = list(reversed(widths[1:]))
        self.up = nn.ModuleList(
            _layer(skip + below, skip, config.up) for below, skip in zip(inputs, skips, strict=True)
        )
        # a single stem is no difference
        self.head = _initialise(nn.Conv1d(channels + widths[1], max(stems - 1, 1) * channels, 1))

    def forward(self, mixture: Tensor) -> Tensor:
        """Run the U-Net; it outputs all stems but the last, which is the difference."""
        features, skips = mixture, []
        for down in self.down:
            whole = down(features)
            skips.append(whole)
            features = whole[..., ::2]
        features = self.bottom(features)
        for up, skip in zip(self.up, reversed(skips), strict=True):
            features = insert_midpoints(features)
            features = up(torch.cat([_middle(skip, features.shape[-1]), features], dim=1))
        mixture = _middle(mixture, features.shape[-1])
        own = torch.tanh(self.head(torch.cat([mixture, features], dim=1)))
        stems: Tensor = own.reshape(len(own), -1, self.channels, own.shape[-1])
        if self.stems == 1:
            return stems
        return torch.cat([stems, (mixture - stems.sum(dim=1)).unsqueeze(1)], dim=1)


def _layer(inputs: int, outputs: int, size: int) -> nn.Sequential:
    return nn.Sequential(_initialise(nn.Conv1d(inputs, outputs, size)), nn.LeakyReLU(0.2))


def _initialise(convolution: nn.Conv1d) -> nn.Conv1d:
    """Initialise like TensorFlow, as the authors do: with torch's defaults the deepest layers contribute little."""
    nn.init.xavier_uniform_(convolution.weight)
    assert convolution.bias is not None
    nn.init.zeros_(convolution.bias)
    return convolution


def insert_midpoints(features: Tensor) -> Tensor:
    """Return 2 n − 1 samples for n: the mean of each two neighbours goes between them."""
    # torch's interpolation has no deterministic gradient on GPUs
    means = 0.5 * (features[..., :-1] + features[..., 1:])
    pairs = torch.stack([features[..., :-1], means], dim=-1).flatten(-2)
    return torch.cat([pairs, features[..., -1:]], dim=-1)


def _middle(audio: Tensor, samples: int) -> Tensor:
    start = (audio.shape[-1] - samples) // 2
    return audio[..., start : start + samples]


class WaveUNetSeparator(WaveformSeparator):
    """The network on a recording at full scale, since tanh ends at 1, with silence as context at both ends."""

    def __init__(self, network: nn.Module, config: WaveUNetConfig) -> None:
        super().__init__(network, config.segment, "full-scale")
        self.config = config

    def padded_length(self, samples: int) -> int:
        """Return the length of the input for an output of at least `samples`."""
        return self.config.output_length(samples) + self.config.context

    def run_network(self, mixture: Tensor) -> Tensor:
        """Pad on both sides, since the output is shorter than the input; separate, and cut off the rest."""
        samples = mixture.shape[-1]
        missing = self.padded_length(samples) - samples
        stems = self.network(nn.functional.pad(mixture, (missing // 2, missing - missing // 2)))
        return _middle(stems, samples)


def build_wave_unet(config: WaveUNetConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`."""
    return WaveUNetSeparator(WaveUNet(config, stems, channels), config)
