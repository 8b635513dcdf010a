"""Weights of Hybrid Demucs: of torchaudio's pipelines, or from checkpoints of the package `demucs`."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from components.convert.demucs_package import locate, read_checkpoint, weights
from components.convert.weight_files import Converted, Kind, Weights, find, load_tensors, prefixed
from components.core.base.errors import UserError
from components.core.base.params import parse_section
from components.core.networks.hdemucs import HDemucsConfig

SOURCES = ("drums", "bass", "other", "vocals")
RATE = 44100
TORCHAUDIO = ("hdemucs_high_trained", "hdemucs_high_musdbhq_only")
"""Its files, as it names them in its own folder of torch hub's cache."""

_BRANCHES = {
    "encoder": "freq_encoder", "decoder": "freq_decoder", "tencoder": "time_encoder", "tdecoder": "time_decoder",
}  # fmt: skip
"""The package's names of the branches, and torchaudio's."""

_NORM_STARTS = 4  # levels with a norm: from this on


def read(source: str) -> Converted:
    """Read hdemucs_mmi, a .th checkpoint, hdemucs_high_trained or hdemucs_high_musdbhq_only of torchaudio (.pt)."""
    path = _of_torchaudio(source)
    return _package(source) if path is None else _torchaudio(path)


def _files(name: str) -> list[Path]:
    """Return the file of one of torchaudio's names from where its pipelines download it (torchaudio.utils.download)."""
    return find(Path(torch.hub.get_dir()) / "torchaudio" / "models", [f"{name}.pt"], "Hybrid Demucs")


def _of_torchaudio(source: str) -> Path | None:
    """Return the file of torchaudio's that `source` means, if it means one."""
    if source in TORCHAUDIO:
        return _files(source)[0]
    place = Path(source)
    files = [place] if place.is_file() else sorted(place.glob("hdemucs_high_*.pt")) if place.is_dir() else []
    return next((path for path in files if path.suffix == ".pt"), None)


def _torchaudio(path: Path) -> Converted:
    state = load_tensors(path)
    first = "freq_encoder.0.conv.weight"
    if first not in state:
        raise UserError(f"{path} holds no weights of torchaudio's Hybrid Demucs")
    network = HDemucsConfig(channels=state[first].shape[0], depth=_depth(state))
    return Converted(network, prefixed(state), SOURCES, RATE, 2, (path,))


def _depth(state: Mapping[str, Tensor]) -> int:
    return len({name.split(".")[1] for name in state if name.startswith("freq_encoder.")})


def _package(source: str) -> Converted:
    found = read_checkpoint(str(locate(source, "Hybrid Demucs")), "demucs.hdemucs", "HDemucs", "Hybrid Demucs")
    settings = found.settings
    if not settings["hybrid"]:
        raise UserError(f"{found.path} works on spectrograms alone: only the hybrid network fits")
    values = {"channels": settings["channels"], "depth": settings["depth"], "window": settings["nfft"]}
    network = parse_section("network", values | {"segment": found.segment}, HDemucsConfig, str(found.path))
    return Converted(
        network, prefixed(state_from_package(found.state)), tuple(settings["sources"]), settings["samplerate"],
        settings["audio_channels"], (found.path,), found.network,
    )  # fmt: skip


def state_from_package(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the package's weights under torchaudio's names.

    torchaudio has a norm in the branch's last layer on samples, which is left before it: it gets ones and zeros.
    """
    renamed = {}
    for name, value in state.items():
        branch, _, rest = name.partition(".")
        renamed[f"{_BRANCHES.get(branch, branch)}.{rest}"] = value
    last = max(int(name.split(".")[1]) for name in renamed if name.startswith("time_encoder."))
    if last >= _NORM_STARTS and f"time_encoder.{last}.norm1.weight" not in renamed:
        width = len(renamed[f"time_encoder.{last}.conv.bias"])
        renamed |= {
            f"time_encoder.{last}.norm1.weight": torch.ones(width),
            f"time_encoder.{last}.norm1.bias": torch.zeros(width),
        }
    return renamed


KIND = Kind(
    read,
    published=[
        *(Weights("torchaudio", name, partial(_files, name)) for name in TORCHAUDIO),
        weights("hdemucs_mmi", "Hybrid Demucs"),
    ],
)
