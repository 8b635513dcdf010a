"""Weights of Hybrid Demucs, from torchaudio's pipelines or from checkpoints of the package `demucs`."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from components.convert.demucs_package import locate, published_weights, read_checkpoint
from components.convert.weight_files import (
    ConvertedModel,
    PublishedWeights,
    WeightFormat,
    add_network_prefix,
    find_files,
    load_tensors,
)
from components.core.base.errors import UserError
from components.core.base.params import parse_section
from components.core.networks.architectures.hdemucs import HDemucsConfig

SOURCES = ("drums", "bass", "other", "vocals")
RATE = 44100
TORCHAUDIO = ("hdemucs_high_trained", "hdemucs_high_musdbhq_only")
"""The names of torchaudio's files, which it keeps in its own folder in torch hub's cache."""

_BRANCHES = {
    "encoder": "freq_encoder", "decoder": "freq_decoder", "tencoder": "time_encoder", "tdecoder": "time_decoder",
}  # fmt: skip
"""The names of the branches in the package and in torchaudio."""

_NORM_STARTS = 4  # the first level with a norm


def read(source: str) -> ConvertedModel:
    """Read hdemucs_mmi, a .th checkpoint, hdemucs_high_trained or hdemucs_high_musdbhq_only of torchaudio (.pt)."""
    path = _find_torchaudio_file(source)
    return _read_package(source) if path is None else _read_torchaudio(path)


def _find_published(name: str) -> list[Path]:
    """Return the file of a published network in the folder that torchaudio.utils.download writes."""
    return find_files(Path(torch.hub.get_dir()) / "torchaudio" / "models", [f"{name}.pt"], "Hybrid Demucs")


def _find_torchaudio_file(source: str) -> Path | None:
    """Return the torchaudio file that `source` names; None when it names none."""
    if source in TORCHAUDIO:
        return _find_published(source)[0]
    place = Path(source)
    files = [place] if place.is_file() else sorted(place.glob("hdemucs_high_*.pt")) if place.is_dir() else []
    return next((path for path in files if path.suffix == ".pt"), None)


def _read_torchaudio(path: Path) -> ConvertedModel:
    state = load_tensors(path)
    first = "freq_encoder.0.conv.weight"
    if first not in state:
        raise UserError(f"{path} holds no weights of torchaudio's Hybrid Demucs")
    network = HDemucsConfig(channels=state[first].shape[0], depth=_count_levels(state))
    return ConvertedModel(network, add_network_prefix(state), SOURCES, RATE, 2, (path,))


def _count_levels(state: Mapping[str, Tensor]) -> int:
    return len({name.split(".")[1] for name in state if name.startswith("freq_encoder.")})


def _read_package(source: str) -> ConvertedModel:
    checkpoint = read_checkpoint(str(locate(source, "Hybrid Demucs")), "demucs.hdemucs", "HDemucs", "Hybrid Demucs")
    settings = checkpoint.settings
    if not settings["hybrid"]:
        raise UserError(f"{checkpoint.path} works on spectrograms alone: name a checkpoint of the hybrid network")
    values = {"channels": settings["channels"], "depth": settings["depth"], "window": settings["nfft"]}
    network = parse_section("network", values | {"segment": checkpoint.segment}, HDemucsConfig, str(checkpoint.path))
    return ConvertedModel(
        network, add_network_prefix(state_from_package(checkpoint.state)), tuple(settings["sources"]),
        settings["samplerate"], settings["audio_channels"], (checkpoint.path,), checkpoint.network,
    )  # fmt: skip


def state_from_package(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the package's weights under torchaudio's names.

    torchaudio has one more norm, in the last layer of the branch on samples. Nothing reads its output, so its weights
    are ones and zeros.
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


FORMAT = WeightFormat(
    read,
    published=[
        *(PublishedWeights("torchaudio", name, partial(_find_published, name)) for name in TORCHAUDIO),
        published_weights("hdemucs_mmi", "Hybrid Demucs"),
    ],
)
