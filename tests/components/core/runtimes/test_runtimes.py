"""The same weights in other runtimes: the same stems, within what a precision allows."""

import shutil
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from components.core.bundle import Model
from components.core.errors import UserError
from components.core.networks.registry import ARCHITECTURES, build_separator, parse_network
from components.core.networks.separator import Separator
from components.core.networks.tdf_unet import TdfUNet
from components.core.runtimes.exportable import RealTdfUNet, exportable, network_inputs
from components.core.runtimes.onnx_file import export_onnx, exported_once
from components.core.runtimes.registry import RUNTIMES, with_runtime
from components.core.runtimes.runtime import Means, Precision
from core.runtimes.networks import NETWORKS, OTHERS, REFUSED, TARGETS, mixture_for, model_of

CLOSE: dict[Precision, tuple[float, float]] = {"fp32": (100, 1000), "bf16": (20, 1000), "int8": (10, 80)}
"""Between which SNRs in dB the stems must lie; 8 bits that change nothing would be none."""
COMPILED = "torch-compiled"


def _snr(reference: Tensor, found: Tensor) -> float:
    return float(10 * torch.log10(reference.square().sum() / ((reference - found).square().sum() + 1e-20)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, so that each network is exported once."""
    pytest.importorskip("onnxscript")
    return tmp_path_factory.mktemp("onnx")


def _prepared(model: Model, runtime: str, precision: Precision, folder: Path) -> Separator:
    for package in {"onnxruntime": ["onnxruntime"], "openvino": ["openvino", "nncf"]}.get(runtime, []):
        if package != "nncf" or precision == "int8":
            pytest.importorskip(package)
    prepared = with_runtime(model, runtime, precision, Means(folder, 1, [mixture_for(model)] * 2))
    assert prepared.size > 0
    return prepared.separator


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("runtime", ["torch", "torch-ready", "onnxruntime", "openvino"])
def test_runtimes_give_torch_s_stems(name: str, runtime: str, folder: Path) -> None:
    _require_the_same(model_of(name), runtime, folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_every_other_export_gives_torch_s_stems(name: str, runtime: str, folder: Path) -> None:
    _require_the_same(model_of(name), runtime, folder)


def test_every_architecture_is_exported_or_refused() -> None:
    assert sorted([*NETWORKS, *OTHERS, *REFUSED]) == sorted(ARCHITECTURES)


@pytest.mark.parametrize("name", REFUSED)
def test_networks_that_cannot_be_exported_are_one_line(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    values, says = REFUSED[name]
    network = parse_network({"name": name, **values})
    try:
        separator = build_separator(network, 2, 2).eval()
    except UserError as error:
        pytest.skip(str(error))
    with pytest.raises(UserError, match=f"^{says}") as raised:
        export_onnx(Model(separator, network, TARGETS, 44100, 2, {}, name.ljust(64, "0")), tmp_path)
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.iterdir())


def _require_the_same(model: Model, runtime: str, folder: Path) -> None:
    separator = _prepared(model, runtime, "fp32", folder)
    with torch.inference_mode():
        first, second = model.separator(mixture_for(model))[0]
    assert (first - second).abs().max() > 1e-3  # a network that only shares the mixture out would be no test
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
def test_fewer_bits_are_rougher_and_yet_the_same_music(
    name: str, runtime: str, precision: Precision, folder: Path
) -> None:
    model = model_of(name)
    separator = _prepared(model, runtime, precision, folder)
    with torch.inference_mode():
        wanted, found = model.separator(mixture_for(model)), separator(mixture_for(model))
        silence = separator(torch.zeros_like(mixture_for(model)))
    low, high = CLOSE[precision]
    assert low < _snr(wanted, found) < high
    assert silence.abs().max() < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "low"), [("fp32", 100), ("bf16", 20)])
def test_a_compiled_network_gives_the_same(precision: Precision, low: float, folder: Path) -> None:
    if not any(map(shutil.which, ("g++", "c++", "clang++"))):
        pytest.skip("torch compiles for the processor with a C++ compiler, and there is none")
    model = model_of("unet")
    separator = _prepared(model, COMPILED, precision, folder)
    with torch.inference_mode():
        assert _snr(model.separator(mixture_for(model)), separator(mixture_for(model))) > low


def test_several_segments_at_once_are_taken_one_by_one(folder: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = model_of("unet")
    mixtures = torch.cat([mixture_for(model), 0.5 * mixture_for(model)])
    separator = with_runtime(model, "onnxruntime", "fp32", Means(folder)).separator
    with torch.inference_mode():
        assert (separator(mixtures) - model.separator(mixtures)).abs().max() < 1e-5


def test_a_file_says_what_it_is(folder: Path) -> None:
    onnx = pytest.importorskip("onnx")
    path = exported_once(model_of("unet"), folder)
    said = {item.key: item.value for item in onnx.load(str(path)).metadata_props}
    assert said == {
        "interface": "magnitude-mask", "shares": "of-masks", "targets": "vocals,accompaniment", "rate": "44100",
        "channels": "2",
        "segment": "1024", "window": "512", "hop": "128", "bins": "128", "model": "unet".ljust(64, "0"),
    }  # fmt: skip
    assert sorted(file.name for file in path.parent.iterdir() if "int8" not in file.name) == ["network.onnx"]
    before = path.stat().st_mtime_ns
    assert exported_once(model_of("unet"), folder).stat().st_mtime_ns == before


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


def test_calibration_sees_what_the_network_sees() -> None:
    model = model_of("tdf_unet")
    seen = network_inputs(model.separator, [mixture_for(model)])[0]
    spectrum = model.separator.stft(mixture_for(model))[..., :128, :]  # type: ignore[operator]
    assert torch.equal(torch.view_as_complex(seen), spectrum)
    assert not model.separator.network._forward_pre_hooks


class _Foreign(Separator):
    segment = 10

    def estimates(self, mixture: Tensor) -> Tensor:
        return mixture.unsqueeze(1)


def test_what_cannot_be_done_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of("unet")
    with pytest.raises(UserError, match="_Foreign cannot be exported"):
        exportable(_Foreign())
    with pytest.raises(UserError, match="there is no runtime abacus"):
        with_runtime(model, "abacus", "fp32", Means(tmp_path))
    with pytest.raises(UserError, match="ONNX Runtime computes in fp32, int8, not in bf16"):
        with_runtime(model, "onnxruntime", "bf16", Means(tmp_path))
    with pytest.raises(UserError, match="8 bits need music"):
        with_runtime(model, "onnxruntime", "int8", Means(tmp_path))
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=r"needs the package onnx, .* pip install 'stemline\[runtimes\]'"):
        export_onnx(model, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_export_that_computes_something_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxscript")
    model = model_of("unet")

    class Half(torch.nn.Module):
        """Traced in one way, run in another."""

        def forward(self, image: Tensor) -> Tensor:
            return image * (1.0 if torch.compiler.is_exporting() else 0.5)

    monkeypatch.setattr("components.core.runtimes.onnx_file.exportable", lambda separator: Half())
    with pytest.raises(UserError, match="differs from torch by"):
        export_onnx(model, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_export_that_fails_on_silence_alone_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the exporter's optimiser made of a network that divides by its loudness."""
    pytest.importorskip("onnxscript")

    class Relative(torch.nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            least = 0.0 if torch.compiler.is_exporting() else 1e-8
            return image / (image.square().mean() + least).sqrt()

    monkeypatch.setattr("components.core.runtimes.onnx_file.exportable", lambda separator: Relative())
    with pytest.raises(UserError, match="differs from torch by"):
        export_onnx(model_of("unet"), tmp_path)
    assert not list(tmp_path.iterdir())
