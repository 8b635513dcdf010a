"""ONNX files as architectures: their output does not depend on the number of segments or threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from components.core.base.errors import UserError
from components.core.models.model_folder import load_model, save_model
from components.core.networks.architecture_registry import ARCHITECTURES, parse_network
from components.core.networks.base.separator import Separator
from components.core.networks.building import build_separator
from components.core.separating.fast import for_inference
from components.core.separating.segments import separate_blocks
from tests.support.tiny_models import TARGETS, noise

GAINS = (0.25, 0.5)
SEGMENT, BINS, FRAMES = 1000, 100, 9
STFT = {"window": 512, "hop": 128}


_STEPS = [("Unsqueeze", ["given", "axis"], ["alone"]), ("Mul", ["alone", "gains"], ["stems"])]


def _file(shape: list[int]) -> bytes:
    """Return a file that turns an input of `shape` into two stems, the input times each of `GAINS`."""
    onnx: Any = pytest.importorskip("onnx")
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    gains = helper.make_tensor("gains", real, [1, 2, *[1] * (len(shape) - 1)], GAINS)
    axis = helper.make_tensor("axis", onnx.TensorProto.INT64, [1], [1])
    nodes = [helper.make_node(*step) for step in _STEPS]
    graph = helper.make_graph(
        nodes, "gains", [helper.make_tensor_value_info("given", real, shape)],
        [helper.make_tensor_value_info("stems", real, [1, 2, *shape[1:]])], [gains, axis],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    data: bytes = model.SerializeToString()
    return data


def _separator(data: bytes, interface: dict[str, Any]) -> Separator:
    pytest.importorskip("onnxruntime")
    network = parse_network({"name": "onnx", "size": len(data), "interface": interface})
    separator = build_separator(network, 2, 2).eval()
    separator.load_state_dict({"network.data": torch.frombuffer(bytearray(data), dtype=torch.uint8)})
    return separator


def _waveform() -> Separator:
    return _separator(_file([1, 2, SEGMENT]), {"kind": "waveform", "segment": SEGMENT})


def _mask() -> Separator:
    interface = {"kind": "magnitude-mask", "stft": STFT, "bins": BINS, "frames": FRAMES}
    return _separator(_file([1, 2, BINS, FRAMES]), interface)


BOTH = pytest.mark.parametrize("make", [_waveform, _mask])


def _mixture(samples: int, batch: int = 1) -> Tensor:
    return torch.stack([torch.from_numpy(noise(seed, samples)) for seed in range(batch)])


@pytest.mark.parametrize("samples", [1, 999, 1000, 2500])
def test_waveform_file_separates_samples(samples: int) -> None:
    mixture = _mixture(samples, batch=2)
    with torch.inference_mode():
        estimates, stems = _waveform().estimates(mixture), _waveform()(mixture)
    torch.testing.assert_close(estimates, torch.stack([gain * mixture for gain in GAINS], dim=1))
    torch.testing.assert_close(stems.sum(dim=1), mixture)


@pytest.mark.parametrize("samples", [1, 1024, 5000])
def test_mask_file_separates_magnitudes(samples: int) -> None:
    """Its masks are the magnitudes times a gain, so the stems have the ratio of the gains."""
    mixture = _mixture(samples, batch=2)
    separator = _mask()
    with torch.inference_mode():
        spectrum = separator.stft(mixture)[..., :BINS, :]  # type: ignore[operator]
        masks = separator.network(spectrum.abs())
        stems = separator(mixture)
    torch.testing.assert_close(masks, torch.stack([gain * spectrum.abs() for gain in GAINS], dim=1))
    torch.testing.assert_close(stems, torch.stack([mixture / 3, mixture * 2 / 3], dim=1), atol=1e-5, rtol=0)


def test_segment_has_the_length_of_the_input() -> None:
    assert _waveform().segment == SEGMENT
    assert _mask().segment == (FRAMES - 1) * STFT["hop"]
    assert _mask().band == BINS / 257


@BOTH
def test_lanes_and_copies_return_the_same_bits(make: Callable[[], Separator]) -> None:
    separator = make()
    blocks = [noise(0, 7000)]
    alone = np.concatenate(list(separate_blocks(separator, blocks)), axis=-1)
    shared = np.concatenate(list(separate_blocks(make(), blocks, threads=4)), axis=-1)
    copied = np.concatenate(list(separate_blocks(deepcopy(separator), blocks)), axis=-1)
    assert np.array_equal(alone, shared)
    assert np.array_equal(alone, copied)


@BOTH
@pytest.mark.parametrize(("precision", "close"), [("fp32", 1e-5), ("bf16", 1e-2)])
def test_fast_copy_returns_the_same_stems(make: Callable[[], Separator], precision: Any, close: float) -> None:
    separator, mixture = make(), _mixture(1500)
    with torch.inference_mode():
        difference = for_inference(separator, precision)(mixture) - separator(mixture)
    assert difference.abs().max() < close


def test_many_threads_open_one_session(monkeypatch: pytest.MonkeyPatch) -> None:
    separator, opened = _waveform(), []
    runtime = pytest.importorskip("onnxruntime")
    real = runtime.InferenceSession

    def counted(data: bytes, *arguments: Any, **options: Any) -> Any:
        opened.append(len(data))
        return real(data, *arguments, **options)

    monkeypatch.setattr(runtime, "InferenceSession", counted)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(separator, [_mixture(100)] * 8))
    assert len(opened) == 1


@BOTH
def test_weights_contain_the_file(make: Callable[[], Separator], tmp_path: Path) -> None:
    separator = make()
    data = separator.state_dict()["network.data"]
    kind = "waveform" if make is _waveform else "magnitude-mask"
    interface: dict[str, Any] = {"kind": kind} | (
        {"segment": SEGMENT} if make is _waveform else {"stft": STFT, "bins": BINS, "frames": FRAMES}
    )
    network = parse_network({"name": "onnx", "size": len(data), "interface": interface})
    save_model(tmp_path, separator, network, TARGETS, 44100, 2, {})
    loaded = load_model(tmp_path)
    mixture = _mixture(3000)
    with torch.inference_mode():
        assert torch.equal(loaded.separator(mixture), separator(mixture))
    assert list(loaded.separator.state_dict()) == ["network.data"]
    assert loaded.network == network


@BOTH
def test_training_is_refused(make: Callable[[], Separator]) -> None:
    assert not ARCHITECTURES["onnx"].trainable
    with pytest.raises(UserError, match="cannot be trained"):
        make().train().estimates(_mixture(100))


def test_damaged_file_is_a_user_error() -> None:
    with pytest.raises(UserError, match="does not open") as raised:
        _separator(b"no such thing", {"kind": "waveform", "segment": 10})(_mixture(10))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("interface", "message"),
    [
        ({"kind": "waveform"}, "interface.waveform.segment: missing"),
        ({"kind": "picture"}, "picture"),
        ({"kind": "magnitude-mask", "stft": STFT, "bins": 258, "frames": 9}, "an STFT of window 512 has only 257"),
    ],
)
def test_wrong_interface_is_a_user_error(interface: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        parse_network({"name": "onnx", "size": 10, "interface": interface})
    assert "\n" not in str(raised.value)
