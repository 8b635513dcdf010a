"""A YAML file that names model folders becomes one model, with its lineage."""

from pathlib import Path

import pytest
import torch

from components.convert.convert import convert
from components.core.base.errors import UserError
from components.core.base.files import digest_file
from components.core.models.model_description import WEIGHTS
from components.core.models.model_folder import load_model
from components.core.networks.ensemble import EnsembleSeparator
from tests.support.tiny_models import noise, save_tiny_model


@pytest.fixture
def models(tmp_path: Path) -> Path:
    save_tiny_model(tmp_path / "one")
    save_tiny_model(tmp_path / "two", targets=("accompaniment", "vocals"), seed=1)
    save_tiny_model(tmp_path / "alone", targets=("vocals",), seed=2)
    save_tiny_model(tmp_path / "drums", targets=("drums", "other"), seed=3)
    save_tiny_model(tmp_path / "slow", rate=22050)
    return tmp_path


def _write(folder: Path, text: str) -> tuple[str]:
    (folder / "ensemble.yaml").write_text(text, encoding="utf-8")
    return (str(folder / "ensemble.yaml"),)


def test_members_become_one_model_with_their_origins(models: Path) -> None:
    text = "members:\n- {model: one, weights: {vocals: 3}}\n- {model: two}\n- {model: alone}\n"
    convert("ensemble", _write(models, text), models / "model")
    model = load_model(models / "model")
    assert (model.targets, model.rate, model.channels) == (("vocals", "accompaniment"), 44100, 2)
    assert isinstance(model.separator, EnsembleSeparator)
    mixture = torch.from_numpy(noise(0, 5000))[None]
    with torch.inference_mode():
        one, two, alone = (load_model(models / name).separator(mixture) for name in ("one", "two", "alone"))
        wanted = torch.stack([(3 * one[:, 0] + two[:, 1] + alone[:, 0]) / 5, (one[:, 1] + two[:, 0] + alone[:, 1]) / 3])
        wanted = wanted.transpose(0, 1)
        stems = model.separator(mixture)
    assert (stems - wanted - (mixture - wanted.sum(dim=1)).unsqueeze(1) / 2).abs().max() < 1e-6
    members = model.origin["members"]
    assert [member["model"] for member in members] == ["one", "two", "alone"]
    assert [member["sha256"] for member in members] == [
        digest_file(models / name / WEIGHTS) for name in ("one", "two", "alone")
    ]
    assert members[0]["origin"]["run_id"] == "0123456789abcdef"


def test_combination_of_the_file_is_that_of_the_model(models: Path) -> None:
    convert(
        "ensemble", _write(models, "combination: median\nmembers: [{model: one}, {model: two}]\n"), models / "model"
    )
    assert load_model(models / "model").network.model_dump()["combination"] == "median"


def test_ensemble_of_ensembles_is_a_model_too(models: Path) -> None:
    convert("ensemble", _write(models, "members: [{model: one}, {model: two}]\n"), models / "inner")
    convert("ensemble", _write(models, "members: [{model: inner}, {model: alone}]\n"), models / "outer")
    mixture = torch.from_numpy(noise(0, 5000))[None]
    with torch.inference_mode():
        stems = load_model(models / "outer").separator(mixture)
    assert (stems.sum(dim=1) - mixture).abs().max() < 1e-6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "members: [{model: one}, {model: drums}]",
            r"one \(vocals, accompaniment; 44100 Hz, 2 channels\) and drums \(",
        ),
        ("members: [{model: one}, {model: slow}]", "do not match: name models of the same rate and channels"),
        ("members: [{model: one}, {model: nowhere}]", "nowhere is not a model"),
        ("members: [{model: one}, {model: two, weights: {bass: 1}}]", "two has no stem 'bass': choose from vocals"),
        ("members: [{model: one}, {model: two, weights: {vocals: -1}}]", "weights.vocals: expected a number greater"),
        ("members: [{model: one}]", "ensemble.members"),
        ("members: [{model: one}, {model: two, weights: {vocals: .inf}}]", "weights.vocals: expected a finite number"),
        ("combination: sum\nmembers: [{model: one}, {model: two}]", "ensemble.combination: expected 'mean', 'median'"),
        ("members: [", "is not valid YAML"),
        ("date: 2023-02-30", "is not valid YAML: day is out of range"),
        ("combination: !!timestamp x", "is not valid YAML"),
    ],
)
def test_wrong_file_is_a_user_error(text: str, message: str, models: Path) -> None:
    with pytest.raises(UserError, match=message) as raised:
        convert("ensemble", _write(models, text), models / "model")
    assert "\n" not in str(raised.value)
    assert not (models / "model").exists()
