"""Checkpoints of three Demucs versions as models return the output of their own networks."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from components.convert.convert import convert
from components.convert.demucs_package import locate
from components.core.base.errors import UserError
from components.core.models.model_folder import load_model
from components.core.networks.base.waveform import WaveformSeparator
from components.core.sound.torchaudio_compat import torchaudio

SOURCES = ["drums", "bass", "other", "vocals"]
SETTINGS: dict[str, dict[str, Any]] = {
    "demucs": {"channels": 4, "depth": 3, "gelu": False, "norm_starts": 9, "dconv_mode": 0, "lstm_layers": 1},
    "hdemucs": {"channels": 8, "depth": 5, "nfft": 1024},
    "htdemucs": {
        "channels": 8, "bottom_channels": 16, "t_layers": 1, "t_heads": 2, "nfft": 2048, "dconv_mode": 3,
        "segment": Fraction(39, 5),
    },
}  # fmt: skip
CLASSES = {"demucs": "Demucs", "hdemucs": "HDemucs", "htdemucs": "HTDemucs"}


def _save(kind: str, path: Path, **more: Any) -> Any:
    """Save a network of the package with the settings of `SETTINGS`, and more."""
    return _save_with(kind, path, {"sources": SOURCES, **SETTINGS[kind], **more})


def _save_with(kind: str, path: Path, settings: dict[str, Any]) -> Any:
    """Save a network of the package in the package's format."""
    package = pytest.importorskip(f"demucs.{kind}")
    made = getattr(package, CLASSES[kind])
    torch.manual_seed(0)
    network = made(**settings).eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    kwargs = settings | {"of_another_version": 3}
    torch.save({"klass": made, "args": (), "kwargs": kwargs, "state": network.state_dict()}, path)
    return network


def _mixture(samples: int) -> Tensor:
    return 0.1 * torch.randn(1, 2, samples, generator=torch.Generator().manual_seed(1))


def _difference(folder: Path, original: nn.Module, samples: int) -> float:
    """Return the largest difference between the stems of both networks, as a share of the peak."""
    separator, mixture = load_model(folder).separator, _mixture(samples)
    assert isinstance(separator, WaveformSeparator)
    with torch.inference_mode():
        wanted, found = original(mixture), separator.run_network(mixture)
    return float((found - wanted).abs().max() / wanted.abs().max())


@pytest.mark.parametrize(
    ("kind", "more"),
    [("demucs", {"normalize": False}), ("hdemucs", {}), ("htdemucs", {"use_train_segment": False})],
)
def test_converted_checkpoint_returns_the_stems_of_the_package(kind: str, more: dict[str, Any], tmp_path: Path) -> None:
    original = _save(kind, tmp_path / "in" / "0123abcd-01234567.th", **more)
    converted = convert(kind, (str(tmp_path / "in"),), tmp_path / "model")
    assert (converted.targets, converted.rate, converted.channels) == (tuple(SOURCES), 44100, 2)
    model = load_model(tmp_path / "model")
    assert model.separator.segment == round(float(SETTINGS[kind].get("segment", 40)) * 44100)
    assert model.origin["converted_from"] == kind
    assert list(model.origin["files"]) == ["0123abcd-01234567.th"]
    assert _difference(tmp_path / "model", original, 30000) < 1e-4


def test_convert_reads_the_six_stems_of_htdemucs_6s(tmp_path: Path) -> None:
    """It has no layers around the transformer: this is the package's default, so its checkpoint does not name it."""
    settings = {name: value for name, value in SETTINGS["htdemucs"].items() if name != "bottom_channels"}
    sources = [*SOURCES, "guitar", "piano"]
    original = _save_with("htdemucs", tmp_path / "5c90dfd2-34c22ccb.th", settings | {"sources": sources})
    converted = convert("htdemucs", (str(tmp_path),), tmp_path / "model")
    assert converted.targets == ("drums", "bass", "other", "vocals", "guitar", "piano")
    original.use_train_segment = False
    assert _difference(tmp_path / "model", original, 30000) < 1e-4


def test_convert_reads_the_hybrid_demucs_of_torchaudio(tmp_path: Path) -> None:
    torch.manual_seed(0)
    original = torchaudio.models.HDemucs(list("abcd"), channels=8).eval()
    torch.save(original.state_dict(), tmp_path / "hdemucs_high_trained.pt")
    convert("hdemucs", (str(tmp_path),), tmp_path / "model")
    assert load_model(tmp_path / "model").targets == tuple(SOURCES)
    assert _difference(tmp_path / "model", original, 30000) < 1e-5


def test_convert_finds_the_downloads_of_torchaudio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    download = pytest.importorskip("torchaudio.utils.download")
    original = download._get_local_path("models/hdemucs_high_trained.pt")
    with pytest.raises(UserError, match=f"hdemucs_high_trained.pt is not in {original.parent}"):
        convert("hdemucs", ("hdemucs_high_trained",), tmp_path / "model")
    torch.save(torchaudio.models.HDemucs(SOURCES, channels=8).state_dict(), original)
    assert convert("hdemucs", ("hdemucs_high_trained",), tmp_path / "model").files == (original,)


def test_convert_turns_half_precision_into_float32(tmp_path: Path) -> None:
    original = _save("demucs", tmp_path / "x.th", normalize=False)
    saved = torch.load(tmp_path / "x.th", weights_only=False)
    saved["state"] = {name: value.half() for name, value in saved["state"].items()}
    torch.save(saved, tmp_path / "x.th")
    convert("demucs", (str(tmp_path / "x.th"),), tmp_path / "model")
    assert all(value.dtype == torch.float32 for value in load_model(tmp_path / "model").separator.state_dict().values())
    assert 1e-6 < _difference(tmp_path / "model", original, 4000) < 1e-1


def _write_hugging_face_download(path: Path, made: type, settings: dict[str, Any], state: dict[str, Tensor]) -> None:
    """Write a download of version 4.1; the package's own reader must accept it."""
    fraction = {"_type": "fraction", "numerator": 39, "denominator": 5}
    kwargs = {name: fraction if isinstance(value, Fraction) else value for name, value in settings.items()}
    metadata = {"klass": f"{made.__module__}.{made.__qualname__}", "args": "[]", "kwargs": json.dumps(kwargs)}
    path.parent.mkdir(parents=True)
    save_file({name: value.contiguous() for name, value in state.items()}, path, metadata)


@pytest.mark.slow
def test_convert_finds_the_downloads_of_version_4_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hugging_face = pytest.importorskip("demucs.hf")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    original = _save("htdemucs", tmp_path / "x.th", use_train_segment=False)
    repository = tmp_path / "hub" / "models--adefossez--HTDemucs"
    path = repository / "snapshots" / "0123abcd" / "955717e8.safetensors"
    settings = {"sources": SOURCES, **SETTINGS["htdemucs"], "use_train_segment": False}
    _write_hugging_face_download(path, type(original), settings, original.state_dict())
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123abcd")
    assert hugging_face.load_safetensors_model(path).segment == Fraction(39, 5)
    assert convert("htdemucs", ("htdemucs",), tmp_path / "model").files == (path,)
    assert _difference(tmp_path / "model", original, 30000) < 1e-4
    with pytest.raises(UserError, match="holds no checkpoint of Hybrid Demucs"):
        convert("hdemucs", (str(path),), tmp_path / "other")
    path.write_bytes(b"no weights")
    with pytest.raises(UserError, match="holds no weights of demucs"):
        convert("htdemucs", ("htdemucs",), tmp_path / "other")


def test_convert_knows_the_names_of_the_package_and_the_files_of_torch_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("demucs")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "empty"))
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    published = {
        "htdemucs": "955717e8-8726e21a.th",
        "hdemucs_mmi": "75fc33f5-1941ce65.th",
        "f7e0c4bc": "f7e0c4bc-ba3fe64a.th",
    }
    for name, file in published.items():
        with pytest.raises(UserError, match=f"{file} is not in {cache}"):
            locate(name, "Demucs")
        (cache / file).touch()
        assert locate(name, "Demucs") == cache / file
    with pytest.raises(UserError, match="neither a file nor a folder nor a model of demucs"):
        locate("htdemucs_9s", "HT Demucs")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "more", "message"),
    [
        ("demucs", {"dconv_mode": 1}, "name a checkpoint of version 2"),
        ("hdemucs", {"hybrid": False, "depth": 4}, "name a checkpoint of the hybrid network"),
        ("hdemucs", {"freq_emb": 0.5}, "from our network's; name other weights"),
        ("htdemucs", {"norm_starts": 2}, "does not fit htdemucs"),
        ("htdemucs", {"bottom_channels": 6}, "network.bottom"),
        ("htdemucs", {"emb_scale": 1.0}, "from our network's; name other weights"),
    ],
)
def test_unsupported_settings_are_a_user_error(kind: str, more: dict[str, Any], message: str, tmp_path: Path) -> None:
    _save(kind, tmp_path / "x.th", **more)
    with pytest.raises(UserError, match=message) as raised:
        convert(kind, (str(tmp_path / "x.th"),), tmp_path / "model")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "model").exists()


def test_checkpoint_of_another_kind_is_a_user_error(tmp_path: Path) -> None:
    _save("demucs", tmp_path / "x.th")
    for kind in ("hdemucs", "htdemucs"):
        with pytest.raises(UserError, match="holds no"):
            convert(kind, (str(tmp_path / "x.th"),), tmp_path / "model")
    _save("demucs", tmp_path / "y.th")
    with pytest.raises(UserError, match=r"holds 2 \.th or \.safetensors files: name one of them"):
        convert("demucs", (str(tmp_path),), tmp_path / "model")
    torch.save({"state": {}}, tmp_path / "hdemucs_high_trained.pt")
    with pytest.raises(UserError, match="holds no weights of torchaudio's Hybrid Demucs"):
        convert("hdemucs", (str(tmp_path / "hdemucs_high_trained.pt"),), tmp_path / "model")
