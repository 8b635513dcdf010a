"""A small network of every architecture whose stems differ, and its export."""

from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from torch import Tensor

from components.core.models.model_folder import Model
from components.core.networks.architecture_registry import parse_network
from components.core.networks.building import build_separator
from components.export.onnx.onnx_export import export_once

STFT = {"window": 512, "hop": 128}
_U = {"enter": 2, "growth": (2, 2, 2), "layers": (1, 2, 1), "blocks": 1}
NETWORKS: dict[str, dict[str, Any]] = {
    "unet": {"widths": (4, 8), "bins": 128, "frames": 9, "stft": STFT},
    "tdf_unet": {"widths": (4, 8), "bins": 128, "bands": 2, "bottleneck": 4, "frames": 9, "stft": STFT},
    "open_unmix": {"hidden": 8, "max_bin": 200, "frames": 9, "stft": STFT},
    "wave_unet": {"layers": 3, "filters": 4, "segment": 4096},
}
"""One network of each kind: real masks, complex masks, an LSTM, waveforms."""
OTHERS: dict[str, dict[str, Any]] = {
    "spleeter": {"widths": (4, 8), "bins": 128, "frames": 9, "masks": "softmax", "stft": STFT},
    "d3net": {
        "low": _U | {"enter": 4}, "high": _U, "full": _U | {"enter": 4}, "last_growth": 2, "last_layers": 1,
        "split": 64, "bins": 128, "frames": 17, "stft": STFT,
    },
    "demucs": {"channels": 4, "depth": 2, "lstm_layers": 1, "segment": 4096},
    "conv_tasnet": {
        "filters": 8, "filter_samples": 16, "bottleneck": 4, "hidden": 8, "layers": 2, "stacks": 1, "segment": 2048,
    },
    "hdemucs": {"channels": 4, "depth": 5, "window": 1024, "segment": 20000},
    "htdemucs": {"channels": 8, "depth": 3, "bottom": 8, "layers": 2, "heads": 2, "window": 512, "segment": 20000},
    "bs_roformer": {"width": 8, "depth": 2, "heads": 1, "bands": (128, 256, 641), "segment": 20000},
    "mel_band_roformer": {"width": 8, "depth": 1, "heads": 1, "head_width": 8, "bands": 8, "segment": 20000},
    "mdx23c": {"width": 4, "growth": 4, "levels": 2, "blocks": 1, "bins": 128, "stft": STFT, "segment": 8064},
}  # fmt: skip
"""The other architectures."""
_SPREAD = {"hdemucs": 0.05, "htdemucs": 0.05}
"""Standard deviation of the weights of deep networks, whose output would overflow with 0.3."""
TARGETS = ("vocals", "accompaniment")


def model_of(name: str, **more: Any) -> Model:
    """Return a model of two stems, named by its architecture; `more` changes its parameters."""
    torch.manual_seed(0)
    network = parse_network({"name": name, **(NETWORKS | OTHERS)[name], **more})
    separator = build_separator(network, 2, 2).eval()
    for parameter in separator.parameters():
        if parameter.dim() > 2:
            torch.nn.init.normal_(parameter, std=_SPREAD.get(name, 0.3))
    return Model(separator, network, TARGETS, 44100, 2, {}, name.ljust(64, "0"))


def mixture_for(model: Model) -> Tensor:
    """Return a segment of noise, `(1, 2, samples)`."""
    return 0.1 * torch.randn(1, 2, model.separator.segment, generator=torch.Generator().manual_seed(1))


def exported(model: Model, exports: Path) -> Path:
    """Return the model as an ONNX file. The export takes seconds, so all tests share it."""
    with FileLock(exports / f"{model.digest}.lock"):
        return export_once(model, exports)
