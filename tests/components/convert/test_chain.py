"""Two models become one: the second separates a stem of the first."""

from pathlib import Path

import pytest
import torch

from components.convert.convert import convert
from components.core.base.errors import UserError
from components.core.base.files import digest_file
from components.core.models.model_description import WEIGHTS
from components.core.models.model_folder import load_model
from components.core.networks.architecture_registry import list_architectures, parse_network
from components.core.networks.building import build_separator
from components.core.separating.fast import for_inference
from tests.support.tiny_models import noise, save_tiny_model

GOOD = "{first: one, stem: vocals, second: parts}"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    save_tiny_model(tmp_path / "one", targets=("drums", "vocals", "other"))
    save_tiny_model(tmp_path / "parts", targets=("lead",), seed=1)
    save_tiny_model(tmp_path / "again", targets=("vocals", "reverb"), seed=2)
    save_tiny_model(tmp_path / "slow", targets=("lead", "backing"), rate=22050)
    return tmp_path


def _write(folder: Path, text: str) -> tuple[str]:
    (folder / "chain.yaml").write_text(text, encoding="utf-8")
    return (str(folder / "chain.yaml"),)


def test_second_model_separates_a_stem_of_the_first(models: Path) -> None:
    convert("chain", _write(models, GOOD), models / "model")
    model = load_model(models / "model")
    assert model.targets == ("drums", "lead", "no-lead", "other")
    mixture = torch.from_numpy(noise(0, 5000))[None]
    with torch.inference_mode():
        first = load_model(models / "one").separator(mixture)
        second = load_model(models / "parts").separator(first[:, 1])
        stems, fast = model.separator(mixture), for_inference(model.separator, "fp32")(mixture)
    wanted = torch.stack([first[:, 0], second[:, 0], second[:, 1], first[:, 2]], dim=1)
    assert (stems - wanted).abs().max() < 1e-7
    assert (fast - wanted).abs().max() < 1e-5
    assert (stems.sum(dim=1) - mixture).abs().max() < 1e-6


def test_chain_keeps_the_origins_of_both_models(models: Path) -> None:
    convert("chain", _write(models, GOOD), models / "model")
    model = load_model(models / "model")
    members = model.origin["members"]
    assert [member["model"] for member in members] == ["one", "parts"]
    assert [member["sha256"] for member in members] == [
        digest_file(models / name / WEIGHTS) for name in ("one", "parts")
    ]
    assert list_architectures(model.network.model_dump()) == ["chain", "unet"]


def test_second_model_may_have_a_stem_of_the_name_that_it_separates(models: Path) -> None:
    convert("chain", _write(models, "{first: one, stem: vocals, second: again}"), models / "model")
    assert load_model(models / "model").targets == ("drums", "vocals", "reverb", "other")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{first: one, stem: bass, second: parts}", "one has no stem 'bass': choose from drums, vocals, other"),
        ("{first: one, stem: drums, second: again}", r"one \(.*\) and again \(.*\) both have the stem 'vocals'"),
        ("{first: one, stem: vocals, second: slow}", "do not match: name models of the same rate and channels"),
        ("{first: one, stem: vocals, second: nowhere}", "nowhere is not a model"),
        ("{first: one, second: parts}", "chain.stem: missing"),
        ("[one, two]", "chain"),
    ],
)
def test_wrong_file_is_a_user_error(text: str, message: str, models: Path) -> None:
    with pytest.raises(UserError, match=message) as raised:
        convert("chain", _write(models, text), models / "model")
    assert "\n" not in str(raised.value)
    assert not (models / "model").exists()


def test_wrong_parameters_are_a_user_error(models: Path) -> None:
    convert("chain", _write(models, GOOD), models / "model")
    values = load_model(models / "model").network.model_dump(mode="json")
    with pytest.raises(UserError, match="split: the first model has only 3 stems"):
        parse_network(values | {"split": 3})
    with pytest.raises(UserError, match="the chain has 4 stems, not 2: name all of them in targets"):
        build_separator(parse_network(values), 2, 2)
