"""Demucs' weights: Hybrid Demucs as torchaudio downloads it, HT Demucs as the package `demucs` does."""

from fractions import Fraction
from pathlib import Path
from typing import Any

from components.convert.source import Converted, find, load_tensors
from components.core.errors import UserError
from components.core.extras import imported
from components.core.networks.hdemucs import HDemucsConfig
from components.core.networks.htdemucs import HTDemucsConfig

RATE = 44100
SOURCES = ("drums", "bass", "other", "vocals")
"""In the order in which all published models have them."""

HTDEMUCS = "955717e8-8726e21a.th"
HDEMUCS = "hdemucs_high_*.pt"


def convert_hdemucs(source: str) -> Converted:
    """Read torchaudio's `hdemucs_high_trained.pt` or `hdemucs_high_musdbhq_only.pt`: a file, or a folder with one."""
    path = _file(source, HDEMUCS, "Hybrid Demucs")
    state = load_tensors(path)
    channels = state["freq_encoder.0.conv.weight"].shape[0]
    network = HDemucsConfig(channels=channels)
    return Converted(network, _prefixed(state), SOURCES, RATE, 2, (path,))


def convert_htdemucs(source: str) -> Converted:
    """Read a checkpoint of HT Demucs: a file, or a folder with the published one."""
    path = _file(source, HTDEMUCS, "HT Demucs")
    package = imported("demucs.htdemucs", "demucs", "HT Demucs")
    saved: dict[str, Any] = load_tensors(path, [package.HTDemucs, Fraction])
    settings = saved["kwargs"]
    network = HTDemucsConfig(
        channels=settings.get("channels", 48),
        depth=settings.get("depth", 4),
        bottom=settings.get("bottom_channels", 0) or settings.get("channels", 48) * 8,
        layers=settings.get("t_layers", 5),
        heads=settings.get("t_heads", 8),
        window=settings.get("nfft", 4096),
        segment=round(float(settings.get("segment", 10)) * RATE),
    )
    state = {name: value.float() for name, value in saved["state"].items()}
    return Converted(network, _prefixed(state), tuple(settings.get("sources", SOURCES)), RATE, 2, (path,))


def _file(source: str, name: str, what: str) -> Path:
    if Path(source).is_file():
        return Path(source)
    if source and not Path(source).is_dir():
        raise UserError(f"{what}: {source} is neither a file nor a folder")
    return find(source, [name], what)[0]


def _prefixed(state: Any) -> dict[str, Any]:
    return {f"network.{name}": value for name, value in state.items()}
