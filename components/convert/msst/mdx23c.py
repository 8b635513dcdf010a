"""Published networks of the kind MDX23C (TFC-TDF v3)."""

from collections.abc import Mapping
from typing import Literal

from components.convert.msst.family import Family, PublishedNetwork, State
from components.convert.msst.training_config import TrainingConfig
from components.convert.open_section import OpenSection
from components.core.base.params import Section, parse_section
from components.core.networks.architectures.mdx23c import Mdx23cConfig

_NORMS: Mapping[str, str] = {"InstanceNorm": "instance", "BatchNorm": "batch"}


class _Model(Section):
    """The section `model`."""

    act: Literal["gelu", "relu"]
    bottleneck_factor: int
    growth: int
    norm: Literal["InstanceNorm", "BatchNorm"]
    num_blocks_per_scale: int
    num_channels: int
    num_scales: int
    num_subbands: int
    scale: tuple[int, int]


class _Audio(OpenSection):
    """The section `audio`."""

    n_fft: int
    hop_length: int
    dim_f: int
    num_channels: int


def _read(config: TrainingConfig, state: State) -> PublishedNetwork:
    model, audio = config.section("model", _Model), config.section("audio", _Audio)
    values = {
        "width": model.num_channels, "growth": model.growth, "levels": model.num_scales,
        "blocks": model.num_blocks_per_scale, "bottleneck": model.bottleneck_factor, "sub_bands": model.num_subbands,
        "scale": model.scale, "norm": _NORMS[model.norm], "activation": model.act,
        "stft": {"window": audio.n_fft, "hop": audio.hop_length}, "bins": audio.dim_f, "level": config.level,
        "segment": config.segment,
    }  # fmt: skip
    return PublishedNetwork(parse_section("network", values, Mdx23cConfig, str(config.path)), audio.num_channels, state)


MDX23C = Family("MDX23C", lambda names: {"first_conv.weight", "final_conv.0.weight"} <= set(names), _read)
