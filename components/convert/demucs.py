"""Weights of Demucs, the network on samples alone, from checkpoints of the package `demucs`."""

from typing import Any

from components.convert.demucs_package import read_checkpoint
from components.convert.weight_files import Converted, Kind, prefixed
from components.core.base.errors import UserError
from components.core.base.params import parse_section
from components.core.networks.demucs import DemucsConfig


def read(source: str) -> Converted:
    """Read a .th checkpoint of the package's Demucs without norms and residual branches, which is the second version.

    The package's own published networks on samples, of the third version, have them: they are refused.
    """
    found = read_checkpoint(source, "demucs.demucs", "Demucs", "Demucs")
    settings = found.settings
    if settings["dconv_mode"] or settings["norm_starts"] < settings["depth"] or not settings["lstm_layers"]:
        raise UserError(f"{found.path} has norms or residual branches, as the third version: only the second fits")
    values = {name: settings[name] for name in ("channels", "depth", "lstm_layers", "resample")}
    network = parse_section("network", values | {"segment": found.segment}, DemucsConfig, str(found.path))
    theirs: Any = found.network
    theirs.normalize = False  # ours is normalised from without
    return Converted(
        network, prefixed(found.state), tuple(settings["sources"]), settings["samplerate"],
        settings["audio_channels"], (found.path,), theirs,
    )  # fmt: skip


KIND = Kind(read)
