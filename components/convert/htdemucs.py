"""Weights of Hybrid Transformer Demucs, from checkpoints of the package `demucs`."""

from typing import Any

from components.convert.demucs_package import read_checkpoint, weights
from components.convert.weight_files import Converted, Kind, prefixed
from components.core.base.params import parse_section
from components.core.networks.htdemucs import HTDemucsConfig

_NAMES = {
    "channels": "channels", "depth": "depth", "bottom": "bottom_channels", "layers": "t_layers", "heads": "t_heads",
    "window": "nfft",
}  # fmt: skip
"""Our names of the package's settings."""


def read(source: str) -> Converted:
    """Read htdemucs, htdemucs_6s, a signature of htdemucs_ft, a .th checkpoint, or a folder with one."""
    found = read_checkpoint(source, "demucs.htdemucs", "HTDemucs", "HT Demucs")
    settings = found.settings
    values = {ours: settings[theirs] for ours, theirs in _NAMES.items()} | {"segment": found.segment}
    network = parse_section("network", values, HTDemucsConfig, str(found.path))
    theirs: Any = found.network
    theirs.use_train_segment = False  # else it pads what is shorter
    return Converted(
        network, prefixed(found.state), tuple(settings["sources"]), settings["samplerate"],
        settings["audio_channels"], (found.path,), theirs,
    )  # fmt: skip


PUBLISHED = ("htdemucs", "htdemucs_6s", "f7e0c4bc", "d12395a8", "92cfc3b6", "04573f0d")
"""Names of single networks, and the four that `htdemucs_ft` is made of."""

KIND = Kind(read, published=[weights(name, "Hybrid Transformer Demucs") for name in PUBLISHED])
