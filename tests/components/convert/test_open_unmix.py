"""Open-Unmix's files as a model return the masks of the package's networks."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from components.convert.convert import convert
from components.convert.published.open_unmix import PUBLISHED
from components.core.base.errors import UserError
from components.core.models.model_folder import load_model
from components.core.networks.architectures.open_unmix import OpenUnmixConfig
from components.core.sound.stft import Stft


def _original(seed: int, channels: int = 2, **more: Any) -> Any:
    package = pytest.importorskip("openunmix.model")
    torch.manual_seed(seed)
    network = package.OpenUnmix(**{"nb_bins": 257, "nb_channels": channels, "hidden_size": 16, "max_bin": 100, **more})
    for name, value in network.named_buffers():
        if value.is_floating_point() and "running" in name:
            torch.nn.init.uniform_(value, 0.5, 1.5)
    return network.eval()


def _require_equal_masks(folder: Path, original: dict[str, Any], magnitude: Tensor) -> None:
    model = load_model(folder)
    with torch.inference_mode():
        masks = model.separator.network(magnitude)
        for number, target in enumerate(model.targets):
            wanted = original[target](magnitude.clone())
            assert (masks[:, number] * magnitude - wanted).abs().max() < 1e-5


def test_convert_reads_a_folder_of_targets(tmp_path: Path) -> None:
    original = {"vocals": _original(0), "drums": _original(1)}
    torch.save(original["vocals"].state_dict(), tmp_path / "vocals-0123abcd.pth")
    torch.save(original["drums"].state_dict(), tmp_path / "drums.pth")
    converted = convert("open-unmix", (str(tmp_path),), tmp_path / "model")
    assert (converted.targets, converted.rate, converted.channels) == (("drums", "vocals"), 44100, 2)
    _require_equal_masks(tmp_path / "model", original, torch.rand(1, 2, 257, 20))


def test_convert_reads_one_file_of_another_size(tmp_path: Path) -> None:
    original = _original(0, nb_layers=2, hidden_size=20)
    torch.save(original.state_dict() | {"sample_rate": torch.tensor(44100.0)}, tmp_path / "vocals.pth")
    converted = convert("open-unmix", (str(tmp_path / "vocals.pth"),), tmp_path / "model")
    assert isinstance(converted.network, OpenUnmixConfig)
    assert (converted.network.hidden, converted.network.layers) == (20, 2)
    model, mixture = load_model(tmp_path / "model"), 0.1 * torch.randn(1, 2, 9000)
    assert model.targets == ("vocals", "accompaniment")
    stft = Stft(converted.network.stft)
    with torch.inference_mode():
        spectrum, stems = stft(mixture), model.separator(mixture)
        magnitude = spectrum.abs()
        vocals = stft.inverse(original(magnitude.clone()) / magnitude.clamp(min=1e-9) * spectrum, 9000)
    assert (vocals - mixture).abs().max() > 0.01
    assert (stems[:, 0] - vocals).abs().max() < 1e-4
    assert (stems[:, 1] - (mixture - vocals)).abs().max() < 1e-4


def test_convert_finds_a_name_in_the_cache_of_torch_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    original = {target: _original(seed, 1, nb_bins=513, max_bin=513) for seed, target in enumerate(("speech", "noise"))}
    for target, network in original.items():
        torch.save(network.state_dict(), tmp_path / "hub" / "checkpoints" / PUBLISHED["umxse"].files[target])
    converted = convert("open-unmix", ("umxse",), tmp_path / "model")
    assert (converted.targets, converted.rate, converted.channels) == (("speech", "noise"), 16000, 1)
    assert isinstance(converted.network, OpenUnmixConfig)
    assert (converted.network.stft.window, converted.network.stft.hop) == (1024, 512)
    _require_equal_masks(tmp_path / "model", original, torch.rand(1, 1, 513, 20))


@pytest.mark.parametrize("name", PUBLISHED)
def test_file_names_equal_those_of_the_package(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package = pytest.importorskip("openunmix")
    monkeypatch.setattr("openunmix.model.OpenUnmix.load_state_dict", lambda *given, **more: None)
    requested: list[str] = []
    monkeypatch.setattr(
        "torch.hub.load_state_dict_from_url", lambda url, **more: requested.append(url.rsplit("/", 1)[1])
    )
    getattr(package, f"{name}_spec")()
    assert sorted(requested) == sorted(PUBLISHED[name].files.values())


def test_weights_of_another_network_are_a_user_error(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(2)}, tmp_path / "vocals.pth")
    with pytest.raises(UserError, match="holds no weights of Open-Unmix"):
        convert("open-unmix", (str(tmp_path / "vocals.pth"),), tmp_path / "model")
