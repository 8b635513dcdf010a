"""Open-Unmix, as published (Stöter, Uhlich, Liutkus and Mitsufuji, JOSS 2019): three BLSTM layers for each stem.

The network normalises every frame of the magnitudes below `max_bin` and narrows it to `hidden` numbers. These and the
output of the BLSTM are then widened to a mask without upper bound for all bins. The weights have the names of the
`openunmix` package.
"""

import torch
from torch import Tensor, nn

from components.core.networks.architectures.open_unmix import OpenUnmixConfig
from components.core.networks.base.separator import Separator
from components.core.networks.base.spectrogram import MaskSeparator


class StemNetworks(nn.Module):
    """One network for each stem: magnitudes `(batch, channels, bins, frames)` to masks `(batch, stems, …)`."""

    def __init__(self, config: OpenUnmixConfig, stems: int, channels: int) -> None:
        super().__init__()
        self.stems = nn.ModuleList(OpenUnmix(config, channels) for _ in range(stems))

    def forward(self, magnitude: Tensor) -> Tensor:
        """Run every stem's network."""
        return torch.stack([stem(magnitude) for stem in self.stems], dim=1)


class OpenUnmix(nn.Module):
    """Magnitudes `(batch, channels, bins, frames)` to masks of the same shape, zero or more."""

    def __init__(self, config: OpenUnmixConfig, channels: int) -> None:
        super().__init__()
        self.bins, hidden = config.stft.window // 2 + 1, config.hidden
        self.input_mean = nn.Parameter(torch.zeros(config.max_bin))
        self.input_scale = nn.Parameter(torch.ones(config.max_bin))
        self.output_mean = nn.Parameter(torch.ones(self.bins))
        self.output_scale = nn.Parameter(torch.ones(self.bins))
        self.fc1 = nn.Linear(config.max_bin * channels, hidden, bias=False)
        self.bn1 = nn.BatchNorm1d(hidden)
        dropout = config.dropout if config.layers > 1 else 0.0
        self.lstm = nn.LSTM(hidden, hidden // 2, config.layers, bidirectional=True, dropout=dropout)
        self.fc2 = nn.Linear(2 * hidden, hidden, bias=False)
        self.bn2 = nn.BatchNorm1d(hidden)
        self.fc3 = nn.Linear(hidden, self.bins * channels, bias=False)
        self.bn3 = nn.BatchNorm1d(self.bins * channels)

    def forward(self, magnitude: Tensor) -> Tensor:
        """Make masks; all frames are one batch, except for the LSTM, which reads them in order."""
        batch, channels, _, frames = magnitude.shape
        seen = magnitude[..., : self.input_mean.shape[0], :].permute(3, 0, 1, 2)  # (frames, batch, channels, bins)
        normal = (seen + self.input_mean) * self.input_scale
        narrow = torch.tanh(self.bn1(self.fc1(normal.flatten(2).flatten(0, 1)))).reshape(frames, batch, -1)
        features = torch.cat([narrow, self.lstm(narrow)[0]], dim=-1).flatten(0, 1)
        features = torch.relu(self.bn2(self.fc2(features)))
        wide = self.bn3(self.fc3(features)).reshape(frames, batch, channels, self.bins)
        masks: Tensor = torch.relu(wide * self.output_scale + self.output_mean)
        return masks.permute(1, 2, 3, 0)


def build_open_unmix(config: OpenUnmixConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`."""
    bins = config.stft.window // 2 + 1
    return MaskSeparator(StemNetworks(config, stems, channels), config.stft, bins, config.frames)
