"""The same weights in other engines: the same stems, within what a precision allows."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from components.core.errors import UserError
from components.core.networks.registry import build_separator, parse_network
from components.core.networks.separator import Separator
from components.core.networks.tdf_unet import TdfUNet
from components.core.runtimes.engines import ENGINES, with_network
from components.core.runtimes.exportable import RealTdfUNet, exportable
from components.core.runtimes.onnx_file import export_onnx, quantise

STFT = {"window": 512, "hop": 128}
NETWORKS: dict[str, dict[str, Any]] = {
    "unet": {"widths": (4, 8), "bins": 128, "frames": 9, "stft": STFT},
    "tdf_unet": {"widths": (4, 8), "bins": 128, "bands": 2, "bottleneck": 4, "frames": 9, "stft": STFT},
    "open_unmix": {"hidden": 8, "max_bin": 200, "frames": 9, "stft": STFT},
    "wave_unet": {"layers": 3, "filters": 4, "segment": 4096},
}
"""One of each kind: real masks, complex masks, an LSTM, samples."""


def _separator(name: str, **more: Any) -> Separator:
    torch.manual_seed(0)
    separator = build_separator(parse_network({"name": name, **NETWORKS[name], **more}), 2, 2).eval()
    for parameter in separator.parameters():
        if parameter.dim() > 2:
            torch.nn.init.normal_(parameter, std=0.3)
    return separator


def _mixture(separator: Separator) -> Tensor:
    return 0.1 * torch.randn(1, 2, separator.segment, generator=torch.Generator().manual_seed(1))


def _snr(reference: Tensor, found: Tensor) -> float:
    return float(10 * torch.log10(reference.square().sum() / (reference - found).square().sum()))


@pytest.fixture(scope="module", params=NETWORKS)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Separator, Path]:
    pytest.importorskip("onnxscript")
    separator = _separator(request.param)
    path = tmp_path_factory.mktemp("onnx") / f"{request.param}.onnx"
    export_onnx(separator, 2, path)
    return separator, path


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_give_torch_s_stems(exported: tuple[Separator, Path], engine: str) -> None:
    pytest.importorskip({"ONNX Runtime": "onnxruntime", "OpenVINO": "openvino"}[engine])
    separator, path = exported
    mixture = _mixture(separator)
    with torch.inference_mode():
        wanted = separator(mixture)
        found = with_network(separator, ENGINES[engine](path, 1, "fp32"))(mixture)
    assert (found - wanted).abs().max() < 1e-5
    assert (found.sum(dim=1) - mixture).abs().max() < 1e-5


def test_eight_bits_are_rough_and_yet_the_same_music(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    separator = _separator("unet")
    export_onnx(separator, 2, tmp_path / "unet.onnx")
    spectrum = separator.stft(_mixture(separator))  # type: ignore[operator]
    quantise(tmp_path / "unet.onnx", [spectrum[..., :128, :].abs()] * 4, tmp_path / "int8.onnx")
    mixture = _mixture(separator)
    with torch.inference_mode():
        wanted = separator(mixture)
        found = with_network(separator, ENGINES["ONNX Runtime"](tmp_path / "int8.onnx", 1, "int8"))(mixture)
    assert 15 < _snr(wanted, found) < 80


@pytest.mark.parametrize("mask", ["complex", "bounded"])
@pytest.mark.parametrize("channels", [1, 2])
def test_real_parts_give_the_complex_masks(mask: str, channels: int) -> None:
    torch.manual_seed(0)
    network = build_separator(
        parse_network({"name": "tdf_unet", **NETWORKS["tdf_unet"], "mask": mask}), 3, channels
    ).eval().network  # fmt: skip
    spectrum = torch.randn(2, channels, 128, 10, dtype=torch.complex64)
    assert isinstance(network, TdfUNet)
    with torch.inference_mode():
        wanted = network(spectrum)
        found = torch.view_as_complex(RealTdfUNet(network)(torch.view_as_real(spectrum)))
    assert (found - wanted).abs().max() < 1e-5


def test_what_cannot_be_exported_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Foreign(Separator):
        segment = 10

        def estimates(self, mixture: Tensor) -> Tensor:
            return mixture.unsqueeze(1)

    with pytest.raises(UserError, match="Foreign cannot be exported"):
        exportable(Foreign(), 2)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=r"needs the package onnx, .* pip install 'stemline\[runtimes\]'"):
        export_onnx(_separator("unet"), 2, tmp_path / "x.onnx")
