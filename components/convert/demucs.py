"""Weights of Demucs, which works on samples alone, from checkpoints of the package `demucs`."""

from typing import Any

from components.convert.demucs_package import read_checkpoint
from components.convert.weight_files import ConvertedModel, WeightFormat, add_network_prefix
from components.core.base.errors import UserError
from components.core.base.params import parse_section
from components.core.networks.architectures.demucs import DemucsConfig


def read(source: str) -> ConvertedModel:
    """Read a .th checkpoint of Demucs, version 2: without norms and residual branches.

    Raises UserError for version 3, which has them. All networks on samples that the package published are version 3.
    """
    checkpoint = read_checkpoint(source, "demucs.demucs", "Demucs", "Demucs")
    settings = checkpoint.settings
    if settings["dconv_mode"] or settings["norm_starts"] < settings["depth"] or not settings["lstm_layers"]:
        raise UserError(f"{checkpoint.path} has norms or residual branches (version 3): name a checkpoint of version 2")
    values = {name: settings[name] for name in ("channels", "depth", "lstm_layers", "resample")}
    network = parse_section("network", values | {"segment": checkpoint.segment}, DemucsConfig, str(checkpoint.path))
    original: Any = checkpoint.network
    original.normalize = False  # our separator normalises outside the network
    return ConvertedModel(
        network, add_network_prefix(checkpoint.state), tuple(settings["sources"]), settings["samplerate"],
        settings["audio_channels"], (checkpoint.path,), original,
    )  # fmt: skip


FORMAT = WeightFormat(read)
