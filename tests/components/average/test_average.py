"""The average of models."""

from pathlib import Path

import pytest
import torch

from components.average.average import average
from components.core.base.errors import UserError
from components.core.data.artifacts import MODEL
from components.core.models.model_folder import load_model, save_model
from components.core.networks.architecture_registry import parse_network
from components.core.networks.building import build_separator
from components.core.sound.training_profile import PROFILE
from components.core.tracking.mlflow_runs import RunRef

SMALL = {"name": "unet", "widths": [4, 8], "stft": {"window": 512, "hop": 128}, "bins": 128, "frames": 32}


def _training(folder: Path, seed: int, **changes: object) -> Path:
    """Write what later steps need of a training."""
    torch.manual_seed(seed)
    network = parse_network(changes if "name" in changes else SMALL | changes)
    separator = build_separator(network, 2, 2)
    save_model(MODEL.within(folder), separator, network, ("vocals", "accompaniment"), 8000, 2, {"step": seed})
    (MODEL.within(folder) / PROFILE).write_text("{}")
    RunRef(run_id=str(seed)).write(folder)
    return folder


def test_average_has_the_mean_of_the_weights_and_names_its_models(tmp_path: Path) -> None:
    folders = [_training(tmp_path / str(seed), seed) for seed in (1, 2, 3)]
    average(folders, tmp_path / "out", "fp32")
    models = [load_model(MODEL.within(folder)) for folder in folders]
    found = load_model(MODEL.within(tmp_path / "out"))
    for name, value in found.separator.named_parameters():
        mean = sum(model.separator.get_parameter(name) for model in models) / 3
        torch.testing.assert_close(value, mean)
    assert found.origin == {"step": 1, "averaged": [model.digest for model in models], "stored": "fp32"}
    assert RunRef.read(tmp_path / "out").run_id == "1"


def test_fp16_halves_the_file_and_keeps_eleven_bits(tmp_path: Path) -> None:
    folder = _training(tmp_path / "one", 1, widths=[32, 64])
    average([folder], tmp_path / "out", "fp16")
    whole, half = (MODEL.within(place) / "weights.safetensors" for place in (folder, tmp_path / "out"))
    assert half.stat().st_size < 0.6 * whole.stat().st_size
    before, after = (load_model(path.parent).separator.state_dict() for path in (whole, half))
    for name, value in before.items():
        assert after[name].dtype == value.dtype
        torch.testing.assert_close(after[name], value, rtol=2**-11, atol=1e-7)


def test_another_network_is_refused(tmp_path: Path) -> None:
    folders = [_training(tmp_path / "one", 1), _training(tmp_path / "two", 2, widths=[4, 16])]
    with pytest.raises(UserError, match="has another network"):
        average(folders, tmp_path / "out", "fp32")
    assert not (tmp_path / "out").exists()


def test_layers_that_compute_something_else_are_refused(tmp_path: Path) -> None:
    spleeter = {"name": "spleeter", "widths": [4, 8], "stft": {"window": 512, "hop": 128}, "bins": 128, "frames": 8}
    folders = [_training(tmp_path / kind, 1, **spleeter, activation=kind) for kind in ("relu", "elu")]
    with pytest.raises(UserError, match=r"another network than the first model \(activation differ\)"):
        average(folders, tmp_path / "out", "fp32")


def test_dropout_and_level_range_are_those_of_the_first_model(tmp_path: Path) -> None:
    spleeter = {"name": "spleeter", "widths": [4, 8], "stft": {"window": 512, "hop": 128}, "bins": 128, "frames": 8}
    tuned = _training(tmp_path / "tuned", 1, **spleeter, dropout=0.1, level_range=[4, 12])
    start = _training(tmp_path / "start", 2, **spleeter)
    average([tuned, start], tmp_path / "out", "fp32")
    network = load_model(MODEL.within(tmp_path / "out")).network.model_dump()
    assert (network["dropout"], network["level_range"]) == (0.1, (4.0, 12.0))
