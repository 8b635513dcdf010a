"""Hybrid Demucs, the third version (Défossez, MDX workshop 2021), the network of torchaudio.

A U-Net on the spectrogram and one on the samples meet in the middle, with attention and BLSTMs in the deepest levels.
The weights have torchaudio's names.
"""

from torch import nn

from components.core.networks.architectures.hdemucs import HDemucsConfig
from components.core.networks.base.separator import Separator
from components.core.networks.base.waveform import WaveformSeparator
from components.core.sound.torchaudio_compat import torchaudio


class HDemucsSeparator(WaveformSeparator):
    """The network on lengths that it accepts."""

    def padded_length(self, samples: int) -> int:
        """Return at least a few frames: the STFT reflects the edges."""
        return max(samples, _MIN_SAMPLES)


_MIN_SAMPLES = 16384


def build_hdemucs(config: HDemucsConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`."""
    network = torchaudio.models.HDemucs(
        sources=[str(stem) for stem in range(stems)], audio_channels=channels, channels=config.channels,
        nfft=config.window, depth=config.depth,
    )  # fmt: skip
    _freeze_unused_norm(network)
    return HDemucsSeparator(network, config.segment, "standardised")


def _freeze_unused_norm(network: nn.Module) -> None:
    """Freeze a norm that torchaudio makes and never calls: distributed training needs a gradient of every weight."""
    for level in network.get_submodule("time_encoder").children():
        if level.empty:
            level.get_submodule("norm1").requires_grad_(False)
