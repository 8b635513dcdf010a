"""Hybrid Transformer Demucs (Rouard, Massa and Défossez, ICASSP 2023), the network of the `demucs` package.

It is Hybrid Demucs with a transformer in the middle, which attends across time, frequency and the two branches. The
weights have the package's names.
"""

from components.core.base.optional_packages import import_optional
from components.core.networks.architectures.htdemucs import HTDemucsConfig
from components.core.networks.base.separator import Separator
from components.core.networks.base.waveform import WaveformSeparator


class HTDemucsSeparator(WaveformSeparator):
    """The network, which normalises by itself as well; its own ε is small beside a loudness of 1 only."""

    def padded_length(self, samples: int) -> int:
        """Return at least a few frames: the STFT reflects the edges."""
        return max(samples, _MIN_SAMPLES)


_MIN_SAMPLES = 16384


def build_htdemucs(config: HTDemucsConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`; raises UserError without the package `demucs`."""
    network = import_optional("demucs.htdemucs", "demucs", "htdemucs").HTDemucs(
        sources=[str(stem) for stem in range(stems)], audio_channels=channels, channels=config.channels,
        depth=config.depth, bottom_channels=config.bottom, t_layers=config.layers, t_heads=config.heads,
        nfft=config.window, dconv_mode=3,
        use_train_segment=False,  # True pads every input to one length and refuses longer ones
    )  # fmt: skip
    return HTDemucsSeparator(network, config.segment, "unit-loudness")
