"""The rules for every architecture, tested on its small size."""

from pathlib import Path
from typing import Any

import pytest
import torch

from components.compare.systems.system_registry import SYSTEMS
from components.core.base.errors import UserError
from components.core.base.params import Section
from components.core.models.model_folder import load_model, save_model
from components.core.networks.architecture_registry import ARCHITECTURES, parse_network
from components.core.networks.base.separator import Separator
from components.core.networks.building import build_separator
from components.train.loop import TrainingPass
from components.train.losses import LOSSES
from tests.support.tiny_models import TARGETS

TRAINABLE = sorted(name for name, found in ARCHITECTURES.items() if found.trainable)
RATE = 44100


def _network(name: str, **more: Any) -> Section:
    return parse_network({"name": name, **ARCHITECTURES[name].small, **more})


def _separator(name: str, stems: int = 2, channels: int = 2) -> Separator:
    torch.manual_seed(0)
    try:
        return build_separator(_network(name), stems, channels).eval()
    except UserError as error:
        pytest.skip(str(error))


def _music(samples: int, channels: int = 2, batch: int = 1) -> torch.Tensor:
    time = torch.arange(samples) / RATE
    tone = torch.stack([torch.sin(2 * torch.pi * (220 + 110 * channel) * time) for channel in range(channels)])
    noise = torch.rand(batch, channels, samples, generator=torch.Generator().manual_seed(samples)) - 0.5
    return 0.2 * tone + 0.2 * noise


@pytest.fixture(scope="module", params=TRAINABLE)
def separator(request: pytest.FixtureRequest) -> Separator:
    return _separator(request.param)


@pytest.mark.slow
@pytest.mark.parametrize("samples", [1, 1000, 20001])
def test_stems_of_any_length_add_up(separator: Separator, samples: int) -> None:
    mixture = _music(samples)
    with torch.inference_mode():
        stems, estimates = separator(mixture), separator.estimates(mixture)
    assert stems.shape == estimates.shape == (1, 2, 2, samples)
    assert stems.dtype == torch.float32
    assert torch.isfinite(stems).all()
    assert (stems.sum(dim=1) - mixture).abs().max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINABLE)
@pytest.mark.parametrize(("stems", "channels"), [(4, 1), (1, 2), (1, 3)])
def test_networks_accept_any_number_of_stems_and_channels(name: str, stems: int, channels: int) -> None:
    with torch.inference_mode():
        estimates = _separator(name, stems, channels).estimates(_music(9000, channels, batch=2))
    assert estimates.shape == (2, stems, channels, 9000)


def test_silence_stays_finite(separator: Separator) -> None:
    with torch.inference_mode():
        stems = separator(torch.zeros(1, 2, 20000))
    assert torch.isfinite(stems).all()
    assert stems.abs().max() < 1e-3


@pytest.mark.parametrize("name", TRAINABLE)
@pytest.mark.parametrize("decibels", [-60, -40, -20, 20])
def test_only_networks_for_any_level_separate_alike_at_every_level(name: str, decibels: float) -> None:
    separator, mixture, gain = _separator(name), _music(20000), 10 ** (decibels / 20)
    with torch.inference_mode():
        stems = separator(mixture)
        difference = separator(gain * mixture) / gain - stems
    assert bool(difference.square().sum() < 1e-9 * stems.square().sum()) == ARCHITECTURES[name].any_level


def test_crop_does_not_depend_on_its_batch(separator: Separator) -> None:
    first, second = _music(16384), 0.3 * _music(16384).flip(-1)
    with torch.inference_mode():
        together = separator(torch.cat([first, second]))
        alone = separator(first)
    assert (together[:1] - alone).abs().max() < 1e-5


def test_transform_has_no_weights(separator: Separator) -> None:
    assert all(name.startswith("network.") for name in separator.state_dict())


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", TRAINABLE)
def test_few_steps_lower_the_loss_and_change_every_weight(name: str, precision: str) -> None:
    separator = _separator(name).train()
    training = TrainingPass(separator, LOSSES["waveform"], precision)
    optimizer = torch.optim.AdamW(separator.parameters(), lr=2e-3)
    tone, noise = _music(16384), 0.3 * (torch.rand(1, 2, 16384, generator=torch.Generator().manual_seed(1)) - 0.5)
    crop = torch.stack([tone, noise], dim=1)
    deterministic = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        losses = []
        for _ in range(6):
            optimizer.zero_grad()
            loss = training(crop)
            loss.backward()
            losses.append(loss.item())
            optimizer.step()
    finally:
        torch.use_deterministic_algorithms(deterministic)
    assert min(losses[1:]) < losses[0]
    assert [key for key, value in separator.named_parameters() if value.grad is None] == []


@pytest.mark.parametrize("name", TRAINABLE)
def test_network_hears_the_same_loudness_in_training_and_use(name: str) -> None:
    separator = _separator(name).eval()
    heard: list[torch.Tensor] = []
    separator.network.register_forward_pre_hook(lambda module, given: heard.append(given[0].clone()))
    stems = torch.stack([0.1 * _music(20000), 0.05 * _music(20000).roll(99, -1)], dim=1)
    with torch.inference_mode():
        TrainingPass(separator, LOSSES["waveform"], "fp32")(stems)
        separator(stems.sum(dim=1))
    assert torch.equal(*heard)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINABLE)
def test_model_is_loaded_back_from_its_folder(name: str, tmp_path: Path) -> None:
    separator, mixture = _separator(name), _music(9000)
    save_model(tmp_path, separator, _network(name), TARGETS, RATE, 2, {})
    loaded = load_model(tmp_path)
    assert loaded.separator.state_dict().keys() == separator.state_dict().keys()
    assert all(torch.equal(value, loaded.separator.state_dict()[key]) for key, value in separator.state_dict().items())
    with torch.inference_mode():
        assert (loaded.separator(mixture) - separator(mixture)).abs().max() < 1e-6


PUBLISHED = {
    # number of weights of a stereo model with this number of stems, and its source
    "spleeter": (2, 19_645_450, "twice 9,822,725: Spleeter's checkpoint, without the sixth norm, which feeds nothing"),
    "open_unmix": (1, 8_893_348, "openunmix 1.3.0; 8.9 M in umx's paper"),
    "wave_unet": (2, 10_263_390, "10.26 M: the authors' M4"),
    "demucs": (4, 265_679_496, "the 1,014 MB of v2's files, in float32"),
    "hdemucs": (4, 83_639_368, "83.6 M: v3's paper, torchaudio's hdemucs_high"),
    "htdemucs": (4, 41_984_456, "42 M: the package's published model"),
    "scnet": (4, 10_578_768, "the class of the training code (msst 0.1.0) with the paper's sizes"),
    "bs_roformer": (1, 93_476_172, "bs-roformer 1.2.4 without 67,760 for residual values; 93 M in the paper"),
    "mdx23c": (2, 111_990_272, "the 448 MB of the weights that the field uses most, in float32"),
    "mel_band_roformer": (1, 228_202_788, "the 913 MB of the vocal model that the field uses most, in float32"),
    "d3net": (1, 2_966_655, "counted by hand in test_d3net.py; its authors publish no number"),
    "conv_tasnet": (2, 16_010_321, "by hand: 40 blocks of 398,338, the last without 131,328, and 208,129 around them"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_defaults_have_the_published_number_of_weights(name: str) -> None:
    stems, wanted, source = PUBLISHED[name]
    try:
        with torch.device("meta"):
            separator = build_separator(parse_network({"name": name}), stems, 2)
    except UserError as error:
        pytest.skip(str(error))
    assert sum(value.numel() for value in separator.parameters()) == wanted, source


def test_architectures_are_systems_with_descriptions() -> None:
    assert {system.architecture for system in SYSTEMS.values()} == set(TRAINABLE)
    for name, found in ARCHITECTURES.items():
        assert found.name == name
        assert found.title
        assert found.source
