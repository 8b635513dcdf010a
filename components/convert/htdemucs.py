"""Weights of Hybrid Transformer Demucs, from checkpoints of the package `demucs`."""

from typing import Any

from components.convert.demucs_package import published_weights, read_checkpoint
from components.convert.weight_files import ConvertedModel, WeightFormat, add_network_prefix
from components.core.base.params import parse_section
from components.core.networks.architectures.htdemucs import HTDemucsConfig

_NAMES = {
    "channels": "channels", "depth": "depth", "bottom": "bottom_channels", "layers": "t_layers", "heads": "t_heads",
    "window": "nfft",
}  # fmt: skip
"""Our parameter names, and the package's."""


def read(source: str) -> ConvertedModel:
    """Read htdemucs, htdemucs_6s, a signature of htdemucs_ft, a .th checkpoint, or a folder with one."""
    checkpoint = read_checkpoint(source, "demucs.htdemucs", "HTDemucs", "HT Demucs")
    settings = checkpoint.settings
    values = {name: settings[package_name] for name, package_name in _NAMES.items()} | {"segment": checkpoint.segment}
    network = parse_section("network", values, HTDemucsConfig, str(checkpoint.path))
    original: Any = checkpoint.network
    original.use_train_segment = False  # it would pad shorter input
    return ConvertedModel(
        network, add_network_prefix(checkpoint.state), tuple(settings["sources"]), settings["samplerate"],
        settings["audio_channels"], (checkpoint.path,), original,
    )  # fmt: skip


PUBLISHED = ("htdemucs", "htdemucs_6s", "f7e0c4bc", "d12395a8", "92cfc3b6", "04573f0d")
"""The names of single networks, and the signatures of the four networks of `htdemucs_ft`."""

FORMAT = WeightFormat(read, published=[published_weights(name, "Hybrid Transformer Demucs") for name in PUBLISHED])
