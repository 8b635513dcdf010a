"""A model folder is loaded back as saved, and a damaged one is an error of one line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from components.core.base.errors import UserError
from components.core.base.files import digest_file
from components.core.models.model_description import WEIGHTS, ModelDescription
from components.core.models.model_folder import load_model, save_model
from components.core.separating.segments import separate_audio
from tests.support.tiny_models import TINY, noise, save_tiny_model, tiny_separator


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model") / "model")


@pytest.fixture
def model(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "model"))


def test_load_returns_the_saved_model(saved: Path) -> None:
    mixture = noise(0, 5000)
    model = load_model(saved)
    assert np.array_equal(separate_audio(model.separator, mixture), separate_audio(tiny_separator(), mixture))
    assert (model.network, model.targets, model.rate, model.channels) == (TINY, ("vocals", "accompaniment"), 44100, 2)
    assert model.origin["git_commit"] == "c0ffee"
    assert model.digest == digest_file(saved / WEIGHTS)
    assert not model.separator.training
    assert not any(parameter.requires_grad for parameter in model.separator.parameters())


def test_save_writes_the_same_bytes_for_the_same_weights(saved: Path, tmp_path: Path) -> None:
    save_tiny_model(tmp_path)
    for name in (ModelDescription.FILE, WEIGHTS):
        assert (tmp_path / name).read_bytes() == (saved / name).read_bytes()
    assert load_model(save_tiny_model(tmp_path, seed=1)).digest != load_model(saved).digest


def test_model_folder_has_no_pickle(saved: Path) -> None:
    assert sorted(path.name for path in saved.iterdir()) == [ModelDescription.FILE, WEIGHTS]
    data = (saved / WEIGHTS).read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert set(header) - {"__metadata__"} == set(tiny_separator().state_dict())


def test_save_accepts_weights_that_share_or_skip_memory(tmp_path: Path) -> None:
    separator = tiny_separator()
    weight = next(parameter for parameter in separator.parameters() if parameter.dim() == 4)
    weight.data = weight.data.to(memory_format=torch.channels_last)
    save_model(tmp_path, separator, TINY, ("a", "b"), 44100, 2, {})
    assert torch.equal(next(p for p in load_model(tmp_path).separator.parameters() if p.dim() == 4), weight)


def _flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda folder: _flip_a_byte(folder / WEIGHTS), "does not have the checksum in model.json"),
        (
            lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-100]),
            "does not have the checksum",
        ),
        (lambda folder: (folder / WEIGHTS).write_bytes(b""), "does not have the checksum"),
        (lambda folder: (folder / WEIGHTS).unlink(), "weights.safetensors is missing"),
        (lambda folder: (folder / ModelDescription.FILE).unlink(), "model.json is missing"),
        (shutil.rmtree, "model.json is missing"),
        (lambda folder: (folder / ModelDescription.FILE).write_text("{"), "model.json is damaged (not valid JSON)"),
        (
            lambda folder: (folder / ModelDescription.FILE).write_bytes(b"\xff\xfe"),
            "model.json is damaged (not valid JSON)",
        ),
        (lambda folder: (folder / ModelDescription.FILE).write_text("[]"), "not a JSON object"),
        (lambda folder: (folder / ModelDescription.FILE).write_text("{}"), "network: Field required"),
    ],
)
def test_damaged_model_is_a_user_error(model: Path, damage: Callable[[Path], Any], says: str) -> None:
    damage(model)
    _require_error(model, says)


def _require_error(model: Path, says: str) -> None:
    with pytest.raises(UserError) as error:
        load_model(model)
    assert says in str(error.value)
    assert str(model) in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"targets": ["vocals"]}, "does not fit model.json"),
        ({"channels": 1}, "does not fit model.json"),
        ({"network": {**TINY.model_dump(), "widths": [4, 16]}}, "does not fit model.json"),
        ({"network": {**TINY.model_dump(), "name": "wnet"}}, "no architecture 'wnet'"),
        ({"network": {**TINY.model_dump(), "depth": 3}}, "network.depth: no such parameter"),
        ({"network": "unet"}, "network: Input should be an object"),
        ({"targets": []}, "targets: "),
        ({"targets": "vocals"}, "targets: Input should be a valid"),
        ({"rate": 0}, "rate: Input should be greater than 0"),
        ({"channels": "2"}, "channels: Input should be a valid integer"),
        ({"origin": None}, "origin: "),
        ({"sha256": "0" * 64}, "does not have the checksum"),
    ],
)
def test_wrong_description_is_a_user_error(model: Path, change: dict[str, Any], says: str) -> None:
    document = json.loads((model / ModelDescription.FILE).read_text())
    (model / ModelDescription.FILE).write_text(json.dumps(document | change))
    _require_error(model, says)


def test_damaged_weights_with_the_right_checksum_are_a_user_error(model: Path) -> None:
    (model / WEIGHTS).write_bytes(b"\x80\x04rubbish" * 100)
    document = json.loads((model / ModelDescription.FILE).read_text()) | {"sha256": digest_file(model / WEIGHTS)}
    (model / ModelDescription.FILE).write_text(json.dumps(document))
    _require_error(model, "does not fit model.json")
