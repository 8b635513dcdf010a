"""MDX-Net files become models with the stem of the programs that run them; settings come from options or a list."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from components.convert.convert import convert
from components.core.base.errors import UserError
from components.core.models.model_folder import Model, load_model
from components.core.separating.fast import for_inference
from components.export.onnx.exportable import make_exportable

WINDOW, HOP, BINS, FRAMES = 512, 128, 200, 16
SAMPLES = HOP * (FRAMES - 1)
OPTIONS = {"window": "512", "hop": "128", "targets": "Vocals", "compensate": "1.035"}


def _write(path: Path, batch: Any = "batch_size", bins: int = BINS, outputs: int = 4) -> Path:
    """Write a file that mixes the four numbers of a bin by random weights, with an offset."""
    onnx: Any = pytest.importorskip("onnx")
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    drawn = torch.randn(outputs * 5, generator=torch.Generator().manual_seed(0)).tolist()
    weights = helper.make_tensor("weights", real, [outputs, 4, 1, 1], drawn[: outputs * 4])
    offset = helper.make_tensor("offset", real, [outputs], drawn[outputs * 4 :])
    node = helper.make_node("Conv", ["input", "weights", "offset"], ["output"])
    ends = [
        helper.make_tensor_value_info(name, real, [batch, count, bins, FRAMES])
        for name, count in (("input", 4), ("output", outputs))
    ]
    graph = helper.make_graph([node], "mdx", ends[:1], ends[1:], [weights, offset])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path


def _run_like_the_programs(path: Path, mixture: Tensor) -> Tensor:
    """Return the network's stem of a piece, `(1, 2, SAMPLES)`: their STFT, the lowest three bins silent, the file."""
    runtime: Any = pytest.importorskip("onnxruntime")
    window = torch.hann_window(WINDOW)
    spectrum = torch.stft(mixture[0], WINDOW, HOP, window=window, center=True, return_complex=True)
    numbers = torch.view_as_real(spectrum).permute(0, 3, 1, 2).reshape(1, 4, WINDOW // 2 + 1, FRAMES)[:, :, :BINS]
    numbers = numbers.clone()
    numbers[:, :, :3] = 0
    output = runtime.InferenceSession(str(path)).run(None, {"input": numbers.numpy()})[0]
    padded = torch.nn.functional.pad(torch.from_numpy(output), (0, 0, 0, WINDOW // 2 + 1 - BINS))
    stem = torch.view_as_complex(padded.reshape(2, 2, -1, FRAMES).permute(0, 2, 3, 1).contiguous())
    return torch.istft(stem, WINDOW, HOP, window=window, center=True)[None]


def _convert(path: Path, folder: Path, options: dict[str, str]) -> Model:
    convert("mdx-net", (str(path),), folder, options)
    return load_model(folder)


def _mixture(samples: int = SAMPLES) -> Tensor:
    return 0.1 * torch.randn(1, 2, samples, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("batch", ["batch_size", 1])
def test_stem_is_that_of_the_programs_times_the_gain(batch: Any, tmp_path: Path) -> None:
    path, mixture = _write(tmp_path / "x.onnx", batch), _mixture()
    model = _convert(path, tmp_path / "model", OPTIONS)
    assert (model.targets, model.rate, model.channels) == (("vocals", "accompaniment"), 44100, 2)
    assert model.separator.segment == SAMPLES
    with torch.inference_mode():
        wanted, stems = 1.035 * _run_like_the_programs(path, mixture), model.separator(mixture)
    assert (stems[:, 0] - wanted).abs().max() < 1e-5 * wanted.abs().max()
    assert (stems[:, 1] - (mixture - wanted)).abs().max() < 1e-5 * wanted.abs().max()


@pytest.mark.parametrize(("target", "accompaniment"), [("Vocals", 1), ("Instrumental", 0)])
def test_spectrum_above_the_file_belongs_to_the_accompaniment(target: str, accompaniment: int, tmp_path: Path) -> None:
    path, mixture = _write(tmp_path / "x.onnx"), _mixture()
    separator = _convert(path, tmp_path / "model", OPTIONS | {"targets": target}).separator
    assert separator.band == BINS / (WINDOW // 2 + 1)
    with torch.inference_mode():
        stems = separator(mixture)
    window = torch.hann_window(WINDOW)
    above = [
        torch.stft(audio[0], WINDOW, HOP, window=window, return_complex=True)[:, BINS + 20 :, 4:-4]
        for audio in (mixture, stems[:, accompaniment])
    ]
    assert (above[1] - above[0]).abs().max() < 1e-3 * above[0].abs().max()
    assert (stems.sum(dim=1) - mixture).abs().max() < 1e-5


@pytest.mark.parametrize("samples", [1, 500, 5000])
def test_stems_of_any_length_add_up(samples: int, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model, mixture = _convert(_write(tmp_path / "x.onnx"), tmp_path / "model", OPTIONS), _mixture(samples)
    with torch.inference_mode():
        stems, fast = model.separator(mixture), for_inference(model.separator, "bf16")(mixture)
    assert stems.shape == (1, 2, 2, samples)
    assert (fast - stems).abs().max() < 1e-5
    assert (stems.sum(dim=1) - mixture).abs().max() < 1e-5


def _list(path: Path, **changes: Any) -> dict[str, Any]:
    """Return a list with the entry of the file at `path`, by the MD5 of its last 10,240,000 bytes."""
    entry = {
        "compensate": 1.035, "mdx_dim_f_set": BINS, "mdx_dim_t_set": 4, "mdx_n_fft_scale_set": WINDOW,
        "primary_stem": "Instrumental", **changes,
    }  # fmt: skip
    return {hashlib.md5(path.read_bytes()[-10_240_000:]).hexdigest(): entry}


@pytest.mark.parametrize("large", [False, True])
def test_list_gives_the_settings_by_the_end_of_the_file(large: bool, tmp_path: Path) -> None:
    path, listed = _write(tmp_path / "x.onnx"), tmp_path / "model_data.json"
    if large:
        onnx: Any = pytest.importorskip("onnx")
        model = onnx.load(str(path))
        model.doc_string = "x" * 11_000_000
        onnx.save(model, str(path))
        assert path.stat().st_size > 10_240_000
    listed.write_text(json.dumps(_list(path)), encoding="utf-8")
    by_list = _convert(path, tmp_path / "one", {"model_data": str(listed), "hop": "128"})
    assert by_list.targets == ("accompaniment", "vocals")
    by_options = _convert(path, tmp_path / "two", OPTIONS | {"targets": "Instrumental"})
    assert by_list.network == by_options.network
    replaced = _convert(
        path, tmp_path / "three", {"model_data": str(listed), "targets": "bass", "compensate": "1", "hop": "256"}
    )
    assert replaced.targets == ("bass", "no-bass")
    interface = replaced.network.model_dump()["interface"]
    assert (interface["gain"], interface["stft"]) == (1.0, {"window": WINDOW, "hop": 256})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": "vocals"}, "does not tell its window: give --window or --model-data"),
        ({"window": "512"}, "separates one stem: give its name with --targets or --model-data"),
        (OPTIONS | {"targets": "vocals,drums"}, "separates one stem"),
        (OPTIONS | {"compensate": "nan"}, "compensate is nan, and must be a positive number"),
        (OPTIONS | {"hop": "257"}, "hop: at most half of the window, 256"),
        (OPTIONS | {"window": "300"}, "bins: an STFT of window 300 has only 151"),
        ({"model_data": "nowhere.json"}, "--model-data nowhere.json cannot be read"),
        ({"interface": "waveform"}, "mdx-net has no option interface"),
    ],
)
def test_missing_or_wrong_settings_are_a_user_error(options: dict[str, str], message: str, tmp_path: Path) -> None:
    path = _write(tmp_path / "x.onnx")
    with pytest.raises(UserError, match=message) as raised:
        _convert(path, tmp_path / "model", options)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "model").exists()


def test_list_that_does_not_fit_the_file_is_a_user_error(tmp_path: Path) -> None:
    path, listed = _write(tmp_path / "x.onnx"), tmp_path / "model_data.json"
    options = {"model_data": str(listed)}
    for entries, message in (
        ({}, "has no entry .*, the MD5 of .*x.onnx: give --window and --targets"),
        (_list(path, mdx_dim_t_set=8), "has 200 bins and 256 frames, and .* has 200 and 16"),
        (_list(path, mdx_n_fft_scale_set="512"), "mdx_n_fft_scale_set: expected a whole number"),
    ):
        listed.write_text(json.dumps(entries), encoding="utf-8")
        with pytest.raises(UserError, match=message):
            _convert(path, tmp_path / "model", options)


def test_file_of_another_shape_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"MDX-Net has \(1, 2 \* channels, bins, frames\) for both"):
        _convert(_write(tmp_path / "x.onnx", outputs=8), tmp_path / "model", OPTIONS)


def test_file_with_a_larger_fixed_batch_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"turns \(4, 4, 200, 16\) into .* or an open batch"):
        _convert(_write(tmp_path / "x.onnx", batch=4), tmp_path / "model", OPTIONS)


def test_export_is_refused(tmp_path: Path) -> None:
    model = _convert(_write(tmp_path / "x.onnx"), tmp_path / "model", OPTIONS)
    network = model.separator.network
    with pytest.raises(UserError, match="an ONNX model cannot be exported"):
        make_exportable(network)  # type: ignore[arg-type]
