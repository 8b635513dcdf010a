"""Conv-TasNet (Luo and Mesgarani, IEEE/ACM TASLP 2019), the network of torchaudio.

Learned filters replace the STFT and its inverse; a stack of dilated convolutions between them makes the masks. The
network takes one channel, so it separates each channel alone. The defaults are the sizes that Défossez et al. (arXiv
1911.13254) chose for music at 44.1 kHz, with a context of 1.9 s. Their network saw both channels at once and made masks
by ReLU. The paper's best sizes for speech at 8 kHz are filters 512, filter_samples 16, bottleneck 128, layers 8,
stacks 3.
"""

from torch import Tensor, nn

from components.core.networks.architectures.conv_tasnet import ConvTasNetConfig
from components.core.networks.base.separator import Separator
from components.core.networks.base.waveform import WaveformSeparator
from components.core.sound.torchaudio_compat import torchaudio


class ConvTasNet(nn.Module):
    """`(batch, channels, samples)` to `(batch, stems, channels, samples)`, channel by channel."""

    def __init__(self, config: ConvTasNetConfig, stems: int) -> None:
        super().__init__()
        self.network = torchaudio.models.ConvTasNet(
            num_sources=stems, enc_kernel_size=config.filter_samples, enc_num_feats=config.filters,
            msk_num_feats=config.bottleneck, msk_num_hidden_feats=config.hidden, msk_num_layers=config.layers,
            msk_num_stacks=config.stacks,
        )  # fmt: skip

    def forward(self, mixture: Tensor) -> Tensor:
        """Separate each channel alone."""
        batch, channels, samples = mixture.shape
        stems: Tensor = self.network(mixture.reshape(-1, 1, samples))
        return stems.reshape(batch, channels, -1, samples).transpose(1, 2)


class ConvTasNetSeparator(WaveformSeparator):
    """The network on a mixture scaled to unit loudness."""

    def padded_length(self, samples: int) -> int:
        """Return `samples`: the network pads by itself."""
        return samples


def build_conv_tasnet(config: ConvTasNetConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`; the network is the same for any number of channels."""
    return ConvTasNetSeparator(ConvTasNet(config, stems), config.segment, "unit-loudness")
