"""Published networks of the kind SCNet."""

from typing import Literal, Self

from pydantic import Field, model_validator

from components.convert.msst.family import Family, PublishedNetwork, State
from components.convert.msst.training_config import TrainingConfig
from components.core.base.errors import UserError
from components.core.base.params import Section, parse_section
from components.core.networks.architectures.scnet import SCNetConfig

_BANDS = ("low", "middle", "high")
_NUMBER = len(_BANDS)


class _Model(Section):
    """The section `model`; its defaults are those of the training code."""

    sources: tuple[str, ...] = ("drums", "bass", "other", "vocals")
    audio_channels: int = 2
    dims: tuple[int, ...] = Field((4, 32, 64, 128), min_length=2)
    nfft: int = 4096
    hop_size: int = 1024
    win_size: int = 4096
    normalized: Literal[True] = True
    band_SR: tuple[float, ...] = Field((0.175, 0.392, 0.433), min_length=_NUMBER, max_length=_NUMBER)  # noqa: N815
    band_stride: tuple[int, ...] = Field((1, 4, 16), min_length=_NUMBER, max_length=_NUMBER)
    band_kernel: tuple[int, ...] = Field((3, 4, 16), min_length=_NUMBER, max_length=_NUMBER)
    conv_depths: tuple[int, ...] = Field((3, 2, 1), min_length=_NUMBER, max_length=_NUMBER)
    compress: int = 4
    conv_kernel: int = 3
    num_dplayer: int = 6
    expand: int = 1

    @model_validator(mode="after")
    def _input_fits(self) -> Self:
        if self.win_size != self.nfft:
            raise ValueError(f"win_size: only a window of all {self.nfft} samples of a frame is supported")
        if self.dims[0] != 2 * self.audio_channels:
            raise ValueError(f"dims: the first must be {2 * self.audio_channels}, two for each of audio_channels")
        return self


def _read(config: TrainingConfig, state: State) -> PublishedNetwork:
    model = config.section("model", _Model)
    if len(model.sources) != len(config.targets):
        raise UserError(
            f"{config.path}: model.sources has {len(model.sources)} stems, and training names {len(config.targets)} "
            f"({', '.join(config.targets)}): correct training.instruments or training.target_instrument"
        )
    bands = {
        name: {"share": share, "stride": stride, "kernel": kernel, "depth": depth}
        for name, share, stride, kernel, depth in zip(
            _BANDS, model.band_SR, model.band_stride, model.band_kernel, model.conv_depths, strict=True
        )
    }
    values = {
        "widths": model.dims[1:], **bands, "compress": model.compress, "kernel": model.conv_kernel,
        "layers": model.num_dplayer, "expand": model.expand, "stft": {"window": model.nfft, "hop": model.hop_size},
        "level": config.level, "segment": config.segment,
    }  # fmt: skip
    network = parse_section("network", values, SCNetConfig, str(config.path))
    return PublishedNetwork(network, model.audio_channels, state)


SCNET = Family(
    "SCNet",
    lambda names: {"encoder.0.SDlayer.convs.0.weight", "decoder.0.1.convtrs.0.weight"} <= set(names),
    _read,
)
