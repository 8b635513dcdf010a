"""Weights of Demucs in three forms: on samples alone, hybrid, and hybrid with a transformer.

They come from checkpoints of the package `demucs`; those of Hybrid Demucs also from torchaudio's pipelines.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from components.convert.demucs_bag import read_network_or_bag
from components.convert.demucs_package import Checkpoint, locate, read_checkpoint
from components.convert.published.demucs import TORCHAUDIO, find_torchaudio_file
from components.convert.weight_files import (
    ConvertedModel,
    WeightFormat,
    add_network_prefix,
    load_tensors,
)
from components.core.base.errors import UserError
from components.core.base.params import Section, parse_section
from components.core.networks.architectures.demucs import DemucsConfig
from components.core.networks.architectures.hdemucs import HDemucsConfig
from components.core.networks.architectures.htdemucs import HTDemucsConfig

SOURCES = ("drums", "bass", "other", "vocals")
RATE = 44100

_BRANCHES = {
    "encoder": "freq_encoder", "decoder": "freq_decoder", "tencoder": "time_encoder", "tdecoder": "time_decoder",
}  # fmt: skip
"""The names of the branches in the package and in torchaudio."""

_NORM_STARTS = 4  # the first level with a norm

HTDEMUCS_NAMES = {
    "channels": "channels", "depth": "depth", "bottom": "bottom_channels", "layers": "t_layers", "heads": "t_heads",
    "window": "nfft",
}  # fmt: skip
"""Our parameter names, and the package's."""


def read_demucs(source: str) -> ConvertedModel:
    """Read a .th checkpoint of Demucs, version 2: without norms and residual branches.

    Raises UserError for version 3, which has them. All networks on samples that the package published are version 3.
    """
    checkpoint = read_checkpoint(source, "demucs.demucs", "Demucs", "Demucs")
    settings = checkpoint.settings
    if settings["dconv_mode"] or settings["norm_starts"] < settings["depth"] or not settings["lstm_layers"]:
        raise UserError(f"{checkpoint.path} has norms or residual branches (version 3): name a checkpoint of version 2")
    original: Any = checkpoint.network
    original.normalize = False  # our separator normalises outside the network
    values = {name: settings[name] for name in ("channels", "depth", "lstm_layers", "resample")}
    return _convert(checkpoint, DemucsConfig, values, checkpoint.state)


def read_hdemucs(source: str) -> ConvertedModel:
    """Read hdemucs_mmi, a .th checkpoint, hdemucs_high_trained or hdemucs_high_musdbhq_only of torchaudio (.pt)."""
    path = _find_torchaudio_file(source)
    if path is not None:
        return _read_torchaudio(path)
    checkpoint = read_checkpoint(str(locate(source, "Hybrid Demucs")), "demucs.hdemucs", "HDemucs", "Hybrid Demucs")
    settings = checkpoint.settings
    if not settings["hybrid"]:
        raise UserError(f"{checkpoint.path} works on spectrograms alone: name a checkpoint of the hybrid network")
    values = {"channels": settings["channels"], "depth": settings["depth"], "window": settings["nfft"]}
    return _convert(checkpoint, HDemucsConfig, values, state_from_package(checkpoint.state))


def read_htdemucs(source: str) -> ConvertedModel:
    """Read htdemucs, htdemucs_6s, a signature of htdemucs_ft, a .th checkpoint, or a folder with one."""
    checkpoint = read_checkpoint(source, "demucs.htdemucs", "HTDemucs", "HT Demucs")
    original: Any = checkpoint.network
    original.use_train_segment = False  # it would pad shorter input
    values = {name: checkpoint.settings[package_name] for name, package_name in HTDEMUCS_NAMES.items()}
    return _convert(checkpoint, HTDemucsConfig, values, checkpoint.state)


def _convert(
    checkpoint: Checkpoint, config: type[Section], values: Mapping[str, Any], state: Mapping[str, Tensor]
) -> ConvertedModel:
    settings = checkpoint.settings
    network = parse_section("network", {**values, "segment": checkpoint.segment}, config, str(checkpoint.path))
    return ConvertedModel(
        network, add_network_prefix(state), tuple(settings["sources"]), settings["samplerate"],
        settings["audio_channels"], (checkpoint.path,), checkpoint.network,
    )  # fmt: skip


def _find_torchaudio_file(source: str) -> Path | None:
    """Return the torchaudio file that `source` names; None when it names none."""
    if source in TORCHAUDIO:
        return find_torchaudio_file(source)
    place = Path(source)
    files = [place] if place.is_file() else sorted(place.glob("hdemucs_high_*.pt")) if place.is_dir() else []
    return next((path for path in files if path.suffix == ".pt"), None)


def _read_torchaudio(path: Path) -> ConvertedModel:
    state = load_tensors(path)
    first = "freq_encoder.0.conv.weight"
    if first not in state:
        raise UserError(f"{path} holds no weights of torchaudio's Hybrid Demucs: name its checkpoint")
    network = HDemucsConfig(channels=state[first].shape[0], depth=_count_levels(state))
    return ConvertedModel(network, add_network_prefix(state), SOURCES, RATE, 2, (path,))


def _count_levels(state: Mapping[str, Tensor]) -> int:
    return len({name.split(".")[1] for name in state if name.startswith("freq_encoder.")})


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


DEMUCS = WeightFormat(partial(read_network_or_bag, read_demucs))
HDEMUCS = WeightFormat(partial(read_network_or_bag, read_hdemucs))
HTDEMUCS = WeightFormat(partial(read_network_or_bag, read_htdemucs))
