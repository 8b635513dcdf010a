"""Every kind of weights: missing files, files with code, and the command."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from components.convert.convert import FORMATS, convert
from components.core.base.errors import UserError
from tests.support.tiny_models import run_python


@pytest.mark.parametrize(
    ("kind", "source", "message"),
    [
        ("open-unmix", "umxhq", "vocals-b62c91ce.pth is not in"),
        ("open-unmix", "nowhere", "is neither umxhq, umx, umxl, umxse nor a folder"),
        ("htdemucs", "htdemucs", "955717e8-8726e21a.th is not in"),
        ("hdemucs", "hdemucs_high_trained", "hdemucs_high_trained.pt is not in"),
        ("demucs", "nowhere", "neither a file nor a folder"),
        ("spleeter", "nowhere", "`spleeter separate` downloads"),
        ("onnx", "nowhere.onnx", "is not a file"),
        ("tape", "x", "there are no weights of the kind tape"),
    ],
)
def test_missing_weights_are_a_user_error_with_their_folder(
    kind: str, source: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "demucs" in kind:
        pytest.importorskip("demucs")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    with pytest.raises(UserError, match=message) as raised:
        convert(kind, (source,), tmp_path / "model")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "model").exists()


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("pwned"),))


@pytest.mark.parametrize(
    ("kind", "name"),
    [("open-unmix", "vocals.pth"), ("demucs", "x.th"), ("hdemucs", "hdemucs_high_x.pt"), ("htdemucs", "x.th")],
)
def test_convert_refuses_a_file_with_code(
    kind: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind.endswith("demucs"):
        pytest.importorskip("demucs")
    monkeypatch.chdir(tmp_path)
    for data in (pickle.dumps(_Evil(), protocol=2), None):
        if data is None:
            torch.save({"klass": _Evil(), "state": {}}, tmp_path / name)
        else:
            (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match="holds no weights that can be read safely"):
            convert(kind, (str(tmp_path / name),), tmp_path / "model")
    assert not (tmp_path / "pwned").exists()
    assert not (tmp_path / "model").exists()


def test_convert_refuses_an_option_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="open-unmix has no option rate"):
        convert("open-unmix", ("umxhq",), tmp_path, {"rate": "16000"})
    assert [name for name, weight_format in FORMATS.items() if weight_format.options] == [
        "spleeter",
        "msst",
        "mdx-net",
        "onnx",
    ]


def _write_onnx(path: Path) -> None:
    """Write a file that returns its input, (1, channels, bins, frames), as the mask of its only stem."""
    onnx: Any = pytest.importorskip("onnx")
    helper, shapes = onnx.helper, {"x": [1, 1, 129, 8], "y": [1, 1, 1, 129, 8]}
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    axis = helper.make_tensor("axis", onnx.TensorProto.INT64, [1], [1])
    graph = helper.make_graph([helper.make_node("Unsqueeze", ["x", "axis"], ["y"])], "mask", ends[:1], ends[1:], [axis])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))


def _stemline(*arguments: str) -> tuple[int, str, str]:
    result = run_python("-m", "pipelines.terminal.cli", "convert", *arguments)
    return result.returncode, result.stdout, result.stderr


@pytest.mark.slow
def test_command_reports_a_wrong_source_and_a_wrong_option(tmp_path: Path) -> None:
    model = str(tmp_path / "model")
    assert _stemline("onnx", "--rate", "16000", "nowhere", model) == (
        2, "", "stemline: nowhere is not a file: name an ONNX file\n"
    )  # fmt: skip
    assert _stemline("open-unmix", "umxhq", model, "--rate", "16000") == (
        2, "", "stemline: open-unmix has no option rate: leave it out, the weights determine it\n"
    )  # fmt: skip


@pytest.mark.slow
def test_command_passes_the_options_of_a_kind_on_and_lists_them(tmp_path: Path) -> None:
    _write_onnx(tmp_path / "x.onnx")
    options = ["--interface", "magnitude-mask", "--targets=voice", "--window", "256", "--rate", "16000"]
    code, output, errors = _stemline("onnx", str(tmp_path / "x.onnx"), str(tmp_path / "model"), *options)
    assert (code, errors) == (0, "")
    assert output == f"convert: {tmp_path / 'model'} separates voice, no-voice at 16000 Hz\n"
    network = json.loads((tmp_path / "model" / "model.json").read_text(encoding="utf-8"))["network"]
    assert network["interface"]["stft"] == {"window": 256, "hop": 64}
    code, output, _ = _stemline("onnx", "-h")
    assert code == 0
    assert all(f"--{name}" in output for name in FORMATS["onnx"].options)
