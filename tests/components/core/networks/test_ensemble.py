"""An ensemble combines the stems of its members, and is a model like any other."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from components.core.base.errors import UserError
from components.core.models.model_folder import load_model, save_model
from components.core.networks.architecture_registry import list_architectures, parse_network
from components.core.networks.architectures.ensemble import EnsembleConfig, EnsembleMemberConfig
from components.core.networks.base.separator import Separator
from components.core.networks.ensemble import EnsembleSeparator, build_ensemble
from components.core.separating.fast import for_inference
from components.core.sound.stft import Stft
from components.core.sound.stft_config import StftConfig

UNET = {"name": "unet", "widths": [4, 8], "stft": {"window": 512, "hop": 128}, "bins": 128, "frames": 9}
WAVE = {"name": "wave_unet", "layers": 3, "filters": 4, "segment": 4096}


def _member(network: dict[str, Any] = UNET, heads: int = 2, places: Any = (0, 1), weights: Any = (1, 1)) -> Any:
    return {"network": network, "heads": heads, "places": places, "weights": weights}


def _config(*members: Any, **more: Any) -> EnsembleConfig:
    return EnsembleConfig(members=tuple(EnsembleMemberConfig(**member) for member in members), **more)


def _ensemble(*members: Any, **more: Any) -> EnsembleSeparator:
    torch.manual_seed(0)
    separator = build_ensemble(_config(*members, **more), 2, 2).eval()
    assert isinstance(separator, EnsembleSeparator)
    for parameter in separator.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return separator


def _mixture(samples: int = 6000) -> Tensor:
    return 0.1 * torch.randn(1, 2, samples, generator=torch.Generator().manual_seed(0))


def _run(separator: Separator, mixture: Tensor) -> Tensor:
    with torch.inference_mode():
        stems: Tensor = separator(mixture)
    return stems


def test_mean_weighs_the_stems_of_each_member_and_adds_up() -> None:
    ensemble, mixture = _ensemble(_member(weights=(3, 1)), _member(WAVE, weights=(1, 1))), _mixture()
    first, second = (_run(member, mixture) for member in ensemble.members)
    wanted = torch.stack([0.75 * first[:, 0] + 0.25 * second[:, 0], 0.5 * first[:, 1] + 0.5 * second[:, 1]], dim=1)
    wanted = wanted + (mixture - wanted.sum(dim=1)).unsqueeze(1) / 2
    stems = _run(ensemble, mixture)
    assert (stems - wanted).abs().max() < 1e-6
    assert (stems.sum(dim=1) - mixture).abs().max() < 1e-6


def test_members_may_have_their_stems_in_another_order_or_one_head() -> None:
    ensemble, mixture = _ensemble(_member(places=(1, 0)), _member(heads=1)), _mixture()
    turned, residual = (_run(member, mixture) for member in ensemble.members)
    assert residual.shape == (1, 2, 2, 6000)
    assert (_run(ensemble, mixture) - (turned.flip(1) + residual) / 2).abs().max() < 1e-6


@pytest.mark.parametrize("count", [2, 3])
def test_median_is_the_middle_value_or_the_mean_of_two(count: int) -> None:
    ensemble, mixture = _ensemble(*[_member()] * count, combination="median"), _mixture()
    outputs = torch.stack([_run(member, mixture) for member in ensemble.members])
    with torch.inference_mode():
        found = ensemble.combine(list(outputs))
    assert (found - outputs.quantile(0.5, dim=0)).abs().max() < 1e-7


@pytest.mark.parametrize("combination", ["min", "max"])
def test_spectral_combination_chooses_each_bin_by_its_magnitude(combination: Any) -> None:
    ensemble, mixture = _ensemble(_member(), _member(), _member(), combination=combination), _mixture(16384)
    outputs = torch.stack([_run(member, mixture) for member in ensemble.members])
    with torch.inference_mode():
        found = ensemble.combine(list(outputs))
    stft = Stft(StftConfig())
    magnitudes = stft(outputs).abs()
    bound = magnitudes.amin(dim=0) if combination == "min" else magnitudes.amax(dim=0)
    energy, limit = stft(found).abs().square().sum(), bound.square().sum()
    assert (energy < 1.1 * limit) if combination == "min" else (energy > 0.9 * limit)
    assert (_run(ensemble, mixture).sum(dim=1) - mixture).abs().max() < 1e-5


def test_spectral_combination_of_equal_stems_changes_nothing() -> None:
    ensemble, stems = _ensemble(_member(), _member(), combination="max"), 0.1 * torch.randn(1, 2, 2, 5000)
    assert (ensemble.combine([stems, stems.clone()]) - stems).abs().max() < 1e-6


def test_estimates_are_combined_before_they_are_made_to_add_up() -> None:
    """As demucs does: each network of htdemucs_ft was trained for one stem, and its other stems are left out."""
    members = [_member(WAVE, weights=(1, 0)), _member(WAVE, weights=(0, 1))]
    ensemble, mixture = _ensemble(*members, output="estimates"), _mixture()
    with torch.inference_mode():
        parts = [member.estimates(mixture)[:, place] for place, member in enumerate(ensemble.members)]
        estimates = ensemble.estimates(mixture)
    assert (estimates - torch.stack(parts, dim=1)).abs().max() < 1e-7
    assert (_run(ensemble, mixture) - estimates - (mixture - sum(parts)).unsqueeze(1) / 2).abs().max() < 1e-6


def test_segment_is_that_of_the_shortest_member() -> None:
    assert _ensemble(_member(), _member(WAVE)).segment == 1024


def test_ensemble_is_loaded_back_from_its_folder_and_made_faster(tmp_path: Path) -> None:
    config = _config(_member(), _member(WAVE, heads=1))
    ensemble = _ensemble(_member(), _member(WAVE, heads=1))
    save_model(tmp_path, ensemble, config, ("vocals", "accompaniment"), 44100, 2, {})
    loaded, mixture = load_model(tmp_path), _mixture()
    assert loaded.targets == ("vocals", "accompaniment")
    wanted = _run(ensemble, mixture)
    assert torch.equal(_run(loaded.separator, mixture), wanted)
    assert (_run(for_inference(loaded.separator, "fp32"), mixture) - wanted).abs().max() < 1e-5
    assert list_architectures(loaded.network.model_dump()) == ["ensemble", "unet", "wave_unet"]


def test_ensemble_for_another_number_of_stems_is_a_user_error() -> None:
    with pytest.raises(UserError, match="the ensemble combines 2 stems, not 3: give each member a place and a weight"):
        build_ensemble(_config(_member(), _member()), 3, 2)


@pytest.mark.parametrize(
    ("members", "more", "says"),
    [
        ([_member(weights=(0, 1)), _member(weights=(0, 1))], {}, "each stem needs a member with a weight above 0"),
        ([_member(), _member(places=(0,), weights=(1,))], {}, "each needs a place for each stem of the ensemble"),
        ([_member(places=(0, 2))], {}, "each needs a weight and one of its stems for each stem of the ensemble"),
        ([_member(weights=(1, 2))], {"combination": "max"}, "only a mean has weights, the max has none"),
        ([_member({"name": "vnet"})], {}, "there is no architecture 'vnet'"),
        ([], {}, "network.members"),
    ],
)
def test_wrong_parameter_is_a_user_error(members: list[Any], more: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as error:
        parse_network({"name": "ensemble", "members": members, **more})
    assert says in str(error.value)
    assert len(str(error.value).splitlines()) == 1
