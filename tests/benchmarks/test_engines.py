"""The same weights in other runtimes return the same stems, within the error of each precision."""

import shutil
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks.engines.registry import RUNTIMES, prepare_separator
from benchmarks.engines.runtime import EngineOptions, Precision
from components.core.base.errors import UserError
from components.core.models.model_folder import Model
from components.core.networks.architecture_registry import ARCHITECTURES, parse_network
from components.core.networks.base.separator import ResidualSeparator, Separator
from components.core.networks.building import build_separator
from components.core.networks.tdf_unet import TdfUNet
from components.export.onnx.exportable import RealTdfUNet, make_exportable, record_network_inputs
from components.export.onnx.onnx_export import export_once, export_onnx
from tests.components.export.onnx.networks import NETWORKS, OTHERS, TARGETS, exported, mixture_for, model_of

pytestmark = pytest.mark.system

CLOSE: dict[Precision, tuple[float, float]] = {"fp32": (100, 1000), "bf16": (20, 1000), "int8": (10, 80)}
"""The range in dB of the SNR of the stems. Above it, the 8-bit weights were not used."""
COMPILED = "torch-compiled"


def _snr(reference: Tensor, found: Tensor) -> float:
    return float(10 * torch.log10(reference.square().sum() / ((reference - found).square().sum() + 1e-20)))


def _prepare(model: Model, runtime: str, precision: Precision, exports: Path) -> Separator:
    for package in {"onnxruntime": ["onnxruntime"], "openvino": ["openvino", "nncf"]}.get(runtime, []):
        if package != "nncf" or precision == "int8":
            pytest.importorskip(package)
    if not runtime.startswith("torch"):
        exported(model, exports)
    prepared = prepare_separator(model, runtime, precision, EngineOptions(exports, 1, [mixture_for(model)] * 2))
    assert prepared.size > 0
    return prepared.separator


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("runtime", ["torch", "torch-fast", "onnxruntime", "openvino"])
def test_runtimes_return_the_stems_of_torch(name: str, runtime: str, exports: Path) -> None:
    _require_torch_stems(model_of(name), runtime, exports)


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_other_exports_return_the_stems_of_torch(name: str, runtime: str, exports: Path) -> None:
    _require_torch_stems(model_of(name), runtime, exports)


def test_export_knows_every_architecture() -> None:
    not_exported = ("onnx", "scnet", "ensemble", "chain")
    assert sorted([*NETWORKS, *OTHERS, *not_exported]) == sorted(ARCHITECTURES)


def test_export_accepts_blstms_that_split_many_frames(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    model = model_of("hdemucs")
    pieces = [module for module in model.separator.modules() if hasattr(module, "max_steps")]
    for module in pieces:
        module.max_steps = 8  # type: ignore[assignment]  # of 20 frames, where the network as published has 200 of 431
    assert pieces
    export_onnx(model, tmp_path)  # the export compares its output with torch


def test_export_refuses_an_onnx_model_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    network = parse_network({"name": "onnx", "size": 1, "interface": {"kind": "waveform", "segment": 100}})
    separator = build_separator(network, 2, 2).eval()
    with pytest.raises(UserError, match=r"^an ONNX model cannot be exported: it is an ONNX file already$"):
        export_onnx(Model(separator, network, TARGETS, 44100, 2, {}, "onnx".ljust(64, "0")), tmp_path)
    assert not list(tmp_path.iterdir())


def _require_torch_stems(model: Model, runtime: str, exports: Path) -> None:
    separator = _prepare(model, runtime, "fp32", exports)
    with torch.inference_mode():
        first, second = model.separator(mixture_for(model))[0]
    assert (first - second).abs().max() > 1e-3  # a network that returns equal shares of the mixture would test nothing
    for level in (1.0, 1e-5, 0.0):
        mixture = level * mixture_for(model)
        with torch.inference_mode():
            wanted, found = model.separator(mixture), separator(mixture)
        assert (found - wanted).abs().max() < 1e-5 * (level + 1e-3)
        assert (found.sum(dim=1) - mixture).abs().max() < 1e-5


@pytest.mark.parametrize("name", ["unet", "tdf_unet"])
@pytest.mark.parametrize(
    ("runtime", "precision"),
    [
        (name, precision)
        for name, found in RUNTIMES.items()
        for precision in found.precisions
        if precision != "fp32" and name != COMPILED
    ],
)
def test_fewer_bits_add_bounded_noise(name: str, runtime: str, precision: Precision, exports: Path) -> None:
    model = model_of(name)
    separator = _prepare(model, runtime, precision, exports)
    with torch.inference_mode():
        wanted, found = model.separator(mixture_for(model)), separator(mixture_for(model))
        silence = separator(torch.zeros_like(mixture_for(model)))
    low, high = CLOSE[precision]
    assert low < _snr(wanted, found) < high
    assert silence.abs().max() < 1e-6


@pytest.mark.parametrize(
    ("name", "runtime"), [("bs_roformer", "onnxruntime"), ("bs_roformer", "openvino"), ("hdemucs", "onnxruntime")]
)
def test_int8_keeps_the_precision_of_spectra(name: str, runtime: str, exports: Path) -> None:
    model = model_of(name)
    separator = _prepare(model, runtime, "int8", exports)
    with torch.inference_mode():
        assert 20 < _snr(model.separator(mixture_for(model)), separator(mixture_for(model))) < 80


@pytest.mark.parametrize("name", ["bs_roformer", "hdemucs", "htdemucs"])
def test_bf16_spectra_inside_a_network_add_little_noise(name: str, exports: Path) -> None:
    """OpenVINO computes these transforms in bf16, torch in fp32 (docs/decisions/0014-runtimes.md).

    White noise has a flat spectrum. On a steep one they cost more.
    """
    model = model_of(name)
    mixture = mixture_for(model)
    by_torch, found = (_prepare(model, runtime, "bf16", exports) for runtime in ("torch", "openvino"))
    with torch.inference_mode():
        wanted = model.separator.estimates(mixture)  # without the step that makes stems add up, which would hide errors
        best = _snr(wanted, by_torch.estimates(mixture))
        assert _snr(wanted, found.estimates(mixture)) > max(35, best - 6)


@pytest.mark.parametrize(("precision", "low"), [("fp32", 100), ("bf16", 20)])
def test_compiled_network_returns_the_same_stems(precision: Precision, low: float, exports: Path) -> None:
    if not any(map(shutil.which, ("g++", "c++", "clang++"))):
        pytest.skip("torch compiles for the processor with a C++ compiler, and there is none")
    model = model_of("unet")
    separator = _prepare(model, COMPILED, precision, exports)
    with torch.inference_mode():
        assert _snr(model.separator(mixture_for(model)), separator(mixture_for(model))) > low


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("runtime", ["torch", "torch-fast", "openvino"])
def test_runtime_keeps_the_remainder_of_a_model_of_one_stem(runtime: str, precision: Precision, exports: Path) -> None:
    two = model_of("unet")
    inner = build_separator(two.network, 1, 2).eval()
    rested = Model(ResidualSeparator(inner), two.network, ("drums", "no-drums"), 44100, 2, {}, "rest".ljust(64, "0"))
    mixture = mixture_for(rested)
    if runtime == "openvino":
        pytest.importorskip("openvino")
        pytest.importorskip("onnxscript")
    separator = prepare_separator(rested, runtime, precision, EngineOptions(exports, 1)).separator
    with torch.inference_mode():
        wanted, found = rested.separator(mixture), separator(mixture)
    assert _snr(wanted, found) > CLOSE[precision][0]
    assert (found.sum(dim=1) - mixture).abs().max() < 1e-6


def test_runtime_takes_a_batch_of_segments_one_by_one(exports: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = model_of("unet")
    mixtures = torch.cat([mixture_for(model), 0.5 * mixture_for(model)])
    separator = prepare_separator(model, "onnxruntime", "fp32", EngineOptions(exports)).separator
    with torch.inference_mode():
        assert (separator(mixtures) - model.separator(mixtures)).abs().max() < 1e-5


def test_exported_file_describes_itself(exports: Path) -> None:
    onnx = pytest.importorskip("onnx")
    path = exported(model_of("unet"), exports)
    metadata = {item.key: item.value for item in onnx.load(str(path)).metadata_props}
    assert metadata == {
        "interface": "magnitude-mask", "shares": "of-masks", "targets": "vocals,accompaniment", "rate": "44100",
        "channels": "2",
        "segment": "1024", "window": "512", "hop": "128", "bins": "128", "model": "unet".ljust(64, "0"),
    }  # fmt: skip
    assert sorted(file.name for file in path.parent.iterdir() if "int8" not in file.name) == ["network.onnx"]
    before = path.stat().st_mtime_ns
    assert export_once(model_of("unet"), exports).stat().st_mtime_ns == before


@pytest.mark.parametrize("mask", ["complex", "bounded"])
@pytest.mark.parametrize("channels", [1, 2])
def test_real_network_returns_the_complex_masks(mask: str, channels: int) -> None:
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


def test_calibration_gets_the_inputs_of_the_network() -> None:
    model = model_of("tdf_unet")
    seen = record_network_inputs(model.separator, [mixture_for(model)])[0]
    spectrum = model.separator.stft(mixture_for(model))[..., :128, :]  # type: ignore[operator]
    assert torch.equal(torch.view_as_complex(seen), spectrum)
    assert not model.separator.network._forward_pre_hooks


class _Foreign(Separator):
    segment = 10

    def estimates(self, mixture: Tensor) -> Tensor:
        return mixture.unsqueeze(1)


def test_impossible_requests_are_a_user_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of("unet")
    with pytest.raises(UserError, match="_Foreign cannot be exported"):
        make_exportable(_Foreign())
    with pytest.raises(UserError, match="there is no runtime abacus"):
        prepare_separator(model, "abacus", "fp32", EngineOptions(tmp_path))
    with pytest.raises(UserError, match="ONNX Runtime computes in fp32, int8, not in bf16"):
        prepare_separator(model, "onnxruntime", "bf16", EngineOptions(tmp_path))
    with pytest.raises(UserError, match="int8 needs music"):
        prepare_separator(model, "onnxruntime", "int8", EngineOptions(tmp_path))
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=r"needs the package onnx, .* pip install 'stemline\[runtimes\]'"):
        export_onnx(model, tmp_path)
    assert not list(tmp_path.iterdir())


def test_export_refuses_a_network_with_other_outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxscript")
    model = model_of("unet")

    class Half(torch.nn.Module):
        """Its traced code differs from the code that runs."""

        def forward(self, image: Tensor) -> Tensor:
            return image * (1.0 if torch.compiler.is_exporting() else 0.5)

    monkeypatch.setattr("components.export.onnx.onnx_export.make_exportable", lambda separator: Half())
    with pytest.raises(UserError, match="differs from torch by"):
        export_onnx(model, tmp_path)
    assert not list(tmp_path.iterdir())


def test_export_refuses_a_network_that_fails_on_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exporter's optimiser once broke a network that divides by the loudness."""
    pytest.importorskip("onnxscript")

    class Relative(torch.nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            least = 0.0 if torch.compiler.is_exporting() else 1e-8
            return image / (image.square().mean() + least).sqrt()

    monkeypatch.setattr("components.export.onnx.onnx_export.make_exportable", lambda separator: Relative())
    with pytest.raises(UserError, match="differs from torch by"):
        export_onnx(model_of("unet"), tmp_path)
    assert not list(tmp_path.iterdir())
