"""ONNX files as models: their own metadata, the user's options, and refused files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from components.convert.convert import convert
from components.core.base.errors import UserError
from components.core.models.model_folder import load_model
from components.core.separating.segments import separate_audio
from tests.support.tiny_models import noise


def _write_file(
    path: Path, input_shape: list[int], output_shape: list[int], number: str = "FLOAT", inputs: int = 1, **metadata: str
) -> Path:
    """Write a file whose output is its input, expanded to `output_shape`."""
    onnx: Any = pytest.importorskip("onnx")
    helper, real = onnx.helper, getattr(onnx.TensorProto, number)
    axis = helper.make_tensor("axis", onnx.TensorProto.INT64, [1], [1])
    shape = helper.make_tensor("shape", onnx.TensorProto.INT64, [len(output_shape)], output_shape)
    nodes = [
        helper.make_node("Unsqueeze", ["x0", "axis"], ["alone"]),
        helper.make_node("Expand", ["alone", "shape"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "spread", [helper.make_tensor_value_info(f"x{index}", real, input_shape) for index in range(inputs)],
        [helper.make_tensor_value_info("y", real, output_shape)], [axis, shape],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, metadata)
    onnx.save(model, str(path))
    return path


def test_convert_reads_the_description_in_the_file(tmp_path: Path) -> None:
    path = _write_file(tmp_path / "x.onnx", [1, 2, 500], [1, 3, 2, 500], targets="vocals, bass ,other", rate="48000")
    converted = convert("onnx", (str(path),), tmp_path / "model")
    assert (converted.targets, converted.rate, converted.channels) == (("vocals", "bass", "other"), 48000, 2)
    model = load_model(tmp_path / "model")
    assert model.separator.segment == 500
    assert list(model.origin["files"]) == ["x.onnx"]
    pytest.importorskip("onnxruntime")
    mixture = noise(0, 1700)
    np.testing.assert_allclose(separate_audio(model.separator, mixture), np.stack([mixture / 3] * 3), atol=1e-6)


def test_options_replace_the_description_in_the_file(tmp_path: Path) -> None:
    path = _write_file(tmp_path / "x.onnx", [1, 1, 129, 8], [1, 2, 1, 129, 8], rate="48000", targets="a,b")
    said = {"interface": "magnitude-mask", "targets": "voice,rest", "rate": "16000", "window": "256", "hop": "128"}
    converted = convert("onnx", (str(path),), tmp_path / "model", said)
    assert (converted.targets, converted.rate, converted.channels) == (("voice", "rest"), 16000, 1)
    wanted = {
        "kind": "magnitude-mask",
        "stft": {"window": 256, "hop": 128},
        "bins": 129,
        "frames": 8,
        "shares": "of-masks",
    }
    assert converted.network.model_dump()["interface"] == wanted


def test_convert_numbers_stems_without_names(tmp_path: Path) -> None:
    converted = convert("onnx", (str(_write_file(tmp_path / "x.onnx", [1, 2, 9], [1, 2, 2, 9])),), tmp_path / "model")
    assert (converted.targets, converted.rate) == (("stem-1", "stem-2"), 44100)


@pytest.mark.parametrize(
    ("input_shape", "output_shape", "more", "message"),
    [
        ([1, 2, 10], [1, 2, 2, 10], {"inputs": 2}, "2 inputs and 1 outputs"),
        ([1, 2, 10], [1, 2, 2, 10], {"number": "DOUBLE"}, "that are not float32"),
        ([1, 2, 10], [1, 2, 2, 10], {"targets": "a,b,c"}, "gives 2 stems, and 3 are named"),
        ([1, 2, 10], [1, 2, 2, 10], {"rate": "fast"}, "rate is fast"),
        ([1, 2, 10], [1, 2, 2, 10], {"interface": "picture"}, "has the interface picture"),
        ([1, 2, 10], [1, 2, 2, 10], {"interface": "complex-mask"}, r"\(1, channels, bins, frames, 2\)"),
        ([1, 2, 10], [1, 2, 2, 11], {}, r"turns \(1, 2, 10\) into \(1, 2, 2, 11\)"),
        ([1, 2, 10], [1, 2, 2, 10], {"interface": "magnitude-mask"}, r"\(1, channels, bins, frames\)"),
        ([3, 2, 10], [3, 2, 2, 10], {}, r"\(1, channels, samples\)"),
        ([1, 2, 10], [1, 2, 2, 10], {"level": "loud"}, "level"),
        ([1, 2, 600, 9], [1, 2, 2, 600, 9], {"window": "1024"}, "has only 513"),
    ],
)
def test_unsupported_file_is_a_user_error(
    input_shape: list[int], output_shape: list[int], more: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = _write_file(tmp_path / "x.onnx", input_shape, output_shape, **more)
    with pytest.raises(UserError, match=message) as raised:
        convert("onnx", (str(path),), tmp_path / "model")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "model").exists()


@pytest.mark.slow
def test_open_length_or_no_onnx_file_is_a_user_error(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")

    class Twice(nn.Module):
        def forward(self, mixture: torch.Tensor) -> torch.Tensor:
            return torch.stack([mixture, mixture], dim=1)

    samples = torch.export.Dim("samples", min=2)
    program: Any = torch.onnx.export(
        Twice().eval(), (torch.zeros(1, 2, 100),), dynamo=True, dynamic_shapes=({2: samples},), verbose=False
    )
    program.save(str(tmp_path / "open.onnx"))
    with pytest.raises(UserError, match="without a fixed length"):
        convert("onnx", (str(tmp_path / "open.onnx"),), tmp_path / "model")
    (tmp_path / "text.onnx").write_text("no such thing")
    with pytest.raises(UserError, match="is not an ONNX file"):
        convert("onnx", (str(tmp_path / "text.onnx"),), tmp_path / "model")
