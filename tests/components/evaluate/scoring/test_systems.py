"""The floor, the ceiling, and the section of params.yaml that names them."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from components.core.base.errors import UserError
from components.core.base.params import load_section, parse_section
from components.core.models.model_folder import Model, load_model
from components.core.separating.postprocessing_config import PostProcessing
from components.evaluate.config import EvaluateConfig, SystemName
from components.evaluate.scoring.systems import SYSTEMS, all_systems
from components.evaluate.scoring.track_signals import round_to_16_bits
from tests.components.evaluate.evaluate_music import evaluate_config, noise, save_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load_model(save_tiny_model(tmp_path_factory.mktemp("model")))


def test_every_system_can_be_named_in_params_yaml() -> None:
    assert set(get_args(SystemName)) == set(SYSTEMS)


@pytest.mark.parametrize("samples", [1, 1000, 30001])
@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_systems_return_estimates_of_the_shape_of_the_references(name: str, samples: int, model: Model) -> None:
    references = np.stack([noise(0, 1)[:, :samples], noise(1, 1)[:, :samples]])
    estimates = SYSTEMS[name].estimate(model, references.sum(axis=0), references)
    assert estimates.shape == references.shape
    assert estimates.dtype == np.float32


def test_mixture_is_the_estimate_of_every_target(model: Model) -> None:
    references = np.stack([noise(0, 0.1), noise(1, 0.1)])
    mixture = references.sum(axis=0)
    assert (SYSTEMS["mixture"].estimate(model, mixture, references) == mixture).all()


def test_ideal_masks_add_up_and_separate_disjoint_spectra(model: Model) -> None:
    time = np.arange(44100) / 44100
    low, high = (0.3 * np.sin(2 * np.pi * hertz * time) for hertz in (300, 5000))
    references = np.stack([np.stack([low, low]), np.stack([high, high])]).astype(np.float32)
    mixture = references.sum(axis=0)
    estimates = SYSTEMS["irm2"].estimate(model, mixture, references)
    np.testing.assert_allclose(estimates.sum(axis=0), mixture, atol=1e-5)
    inner = slice(4096, -4096)
    np.testing.assert_allclose(estimates[..., inner], references[..., inner], atol=1e-4)


def test_ideal_masks_accept_silence(model: Model) -> None:
    silence = np.zeros((2, 2, 5000), np.float32)
    assert not SYSTEMS["irm2"].estimate(model, silence[0], silence).any()


def test_references_are_rounded_to_16_bits() -> None:
    rounded = round_to_16_bits(np.array([[0.5, 1e-6, -1.2, 3.4e-5]], np.float32))
    np.testing.assert_array_equal(rounded * 32768, [[16384, 0, -39322, 1]])


def test_section_of_params_yaml_is_valid() -> None:
    config = load_section("evaluate", EvaluateConfig, Path(__file__).parents[4] / "params.yaml")
    assert config.post == {"wiener": PostProcessing(method="wiener")}
    assert all_systems(config.systems, config.post) == ["model", "model+wiener", "mixture", "irm2"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"systems": ["model", "irm3"]}, "evaluate.systems.1: expected 'model', 'mixture', .* got 'irm3'"),
        ({"systems": ["model", "model"]}, "named twice"),
        ({"systems": []}, "at least 1"),
        ({"window_seconds": 0}, "greater than 0"),
        ({"windows": 1}, "no such parameter"),
    ],
)
def test_wrong_section_is_a_user_error(values: dict[str, object], message: str) -> None:
    section = evaluate_config().model_dump(mode="json") | values
    with pytest.raises(UserError, match=message) as caught:
        parse_section("evaluate", section, EvaluateConfig, "params.yaml")
    assert "\n" not in str(caught.value)
