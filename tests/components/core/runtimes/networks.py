"""A small network of every architecture, with weights at which its stems differ."""

from typing import Any

import torch
from torch import Tensor

from components.core.bundle import Model
from components.core.networks.registry import build_separator, parse_network

STFT = {"window": 512, "hop": 128}
_U = {"enter": 2, "growth": (2, 2, 2), "layers": (1, 2, 1), "blocks": 1}
NETWORKS: dict[str, dict[str, Any]] = {
    "unet": {"widths": (4, 8), "bins": 128, "frames": 9, "stft": STFT},
    "tdf_unet": {"widths": (4, 8), "bins": 128, "bands": 2, "bottleneck": 4, "frames": 9, "stft": STFT},
    "open_unmix": {"hidden": 8, "max_bin": 200, "frames": 9, "stft": STFT},
    "wave_unet": {"layers": 3, "filters": 4, "segment": 4096},
}
"""One of each kind: real masks, complex masks, an LSTM, samples."""
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
}  # fmt: skip
"""All others that can be exported."""
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "hdemucs": ({"channels": 4, "depth": 5, "window": 1024}, "HDemucs cannot be exported: it makes spectra inside"),
    "htdemucs": ({"channels": 8, "bottom": 8, "layers": 1, "heads": 2}, "HTDemucs cannot be exported: it makes"),
    "bs_roformer": ({"width": 8, "depth": 1, "heads": 1}, "BSRoformer cannot be exported: it makes spectra inside"),
    "onnx": (
        {"size": 1, "interface": {"kind": "waveform", "segment": 100}}, "an ONNX model cannot be exported: it is an",
    ),
}  # fmt: skip
TARGETS = ("vocals", "accompaniment")


def model_of(name: str, **more: Any) -> Model:
    """Return a model of two stems, named by its architecture; `more` changes its parameters."""
    torch.manual_seed(0)
    network = parse_network({"name": name, **(NETWORKS | OTHERS)[name], **more})
    separator = build_separator(network, 2, 2).eval()
    for parameter in separator.parameters():
        if parameter.dim() > 2:
            torch.nn.init.normal_(parameter, std=0.3)
    return Model(separator, network, TARGETS, 44100, 2, {}, name.ljust(64, "0"))


def mixture_for(model: Model) -> Tensor:
    """Return a segment of noise, `(1, 2, samples)`."""
    return 0.1 * torch.randn(1, 2, model.separator.segment, generator=torch.Generator().manual_seed(1))
