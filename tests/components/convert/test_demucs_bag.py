"""Models of several networks of the package `demucs` return the stems of the package's bag."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from components.convert.convert import convert
from components.core.base.errors import UserError
from components.core.models.model_folder import load_model
from components.core.networks.ensemble import EnsembleSeparator

SOURCES = ["drums", "bass", "other", "vocals"]
SIZES: dict[str, Any] = {
    "channels": 8, "bottom_channels": 16, "t_layers": 1, "t_heads": 2, "nfft": 512, "depth": 3, "dconv_mode": 3,
    "segment": 2, "use_train_segment": False, "samplerate": 8000,
}  # fmt: skip
FINE_TUNED = {
    "f7e0c4bc": "f7e0c4bc-ba3fe64a.th", "d12395a8": "d12395a8-e57c48e6.th", "92cfc3b6": "92cfc3b6-ef3bcb9c.th",
    "04573f0d": "04573f0d-f3cf25b2.th",
}  # fmt: skip
"""The signatures of htdemucs_ft, and the names of their files."""


def _save(path: Path, seed: int, **more: Any) -> Any:
    package = pytest.importorskip("demucs.htdemucs")
    torch.manual_seed(seed)
    settings = {"sources": SOURCES, **SIZES, **more}
    network = package.HTDemucs(**settings).eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"klass": package.HTDemucs, "args": (), "kwargs": settings, "state": network.state_dict()}, path)
    return network


def _require_stems_of_bag(folder: Path, networks: list[Any], weights: list[list[float]] | None) -> None:
    """Compare with the package's own way to run a bag, on a mixture with a loudness of 1, which our network scales to.

    The package takes no loudness off inside a bag.
    """
    apply = pytest.importorskip("demucs.apply")
    mixture = torch.randn(1, 2, 17000, generator=torch.Generator().manual_seed(1))
    mixture = mixture / mixture.square().mean().sqrt()
    separator = load_model(folder).separator
    assert isinstance(separator, EnsembleSeparator)
    with torch.inference_mode():
        wanted = apply.apply_model(apply.BagOfModels(networks, weights), mixture, shifts=0, split=False)
        found = separator.estimates(mixture)
        stems = separator(mixture)
    assert (found - wanted).abs().max() < 1e-4 * wanted.abs().max()
    assert (stems.sum(dim=1) - mixture).abs().max() < 1e-5 * mixture.abs().max()
    remainder = (mixture - wanted.sum(dim=1)).unsqueeze(1) / 4
    assert (stems - wanted - remainder).abs().max() < 1e-4 * wanted.abs().max()


@pytest.mark.slow
def test_name_of_a_bag_reads_its_networks_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "empty"))
    cache = tmp_path / "hub" / "checkpoints"
    networks = [_save(cache / file, seed) for seed, file in enumerate(FINE_TUNED.values())]
    converted = convert("htdemucs", ("htdemucs_ft",), tmp_path / "model")
    assert converted.targets == tuple(SOURCES)
    assert sorted(load_model(tmp_path / "model").origin["files"]) == sorted(FINE_TUNED.values())
    own = [[float(row == column) for column in range(4)] for row in range(4)]
    _require_stems_of_bag(tmp_path / "model", networks, own)
    (cache / FINE_TUNED["92cfc3b6"]).unlink()
    with pytest.raises(UserError, match=r"92cfc3b6-ef3bcb9c\.th is not in"):
        convert("htdemucs", ("htdemucs_ft",), tmp_path / "other")


@pytest.mark.slow
@pytest.mark.parametrize("weights", [None, [[1, 1, 0, 2], [3, 0, 1, 2]]])
def test_yaml_file_of_a_bag_reads_the_networks_beside_it(weights: list[list[float]] | None, tmp_path: Path) -> None:
    networks = [_save(tmp_path / f"{name}-01234567.th", seed) for seed, name in enumerate(("aaaaaaaa", "bbbbbbbb"))]
    values = {"models": ["aaaaaaaa", "bbbbbbbb"], "segment": 44} | ({"weights": weights} if weights else {})
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    convert("htdemucs", (str(tmp_path / "mine.yaml"),), tmp_path / "model")
    _require_stems_of_bag(tmp_path / "model", networks, weights)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models: [aaaaaaaa, cccccccc]", r"holds no file of cccccccc, which mine\.yaml names: put it there"),
        ("models: [aaaaaaaa, bbbbbbbb]\nweights: [[1, 1]]", "needs a weight for each of 2 networks and 4 stems"),
        (
            "models: [aaaaaaaa, bbbbbbbb]\nweights: [[0, 1, 1, 1], [0, 1, 1, 1]]",
            "each stem needs a member with a weight",
        ),
        ("models: [aaaaaaaa, dddddddd]", "has networks of different stems, rates or channels"),
        ("models: [aaaaaaaa, eeeeeeee]", "from our network's; name other weights"),
        ("models: [/etc, aaaaaaaa]", "is no list of networks of demucs"),
        ("models: 3", "is no list of networks of demucs: it needs the keys models and weights"),
        ("- 3", "is no list of networks of demucs"),
    ],
)
def test_wrong_bag_is_a_user_error(text: str, message: str, tmp_path: Path) -> None:
    for seed, name in enumerate(("aaaaaaaa", "bbbbbbbb")):
        _save(tmp_path / f"{name}-01234567.th", seed)
    _save(tmp_path / "dddddddd-01234567.th", 2, sources=SOURCES[:2])
    _save(tmp_path / "eeeeeeee-01234567.th", 2, emb_scale=1.0)
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message) as raised:
        convert("htdemucs", (str(tmp_path / "mine.yaml"),), tmp_path / "model")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "model").exists()


def test_bag_of_networks_with_one_source_returns_it_and_the_remainder(tmp_path: Path) -> None:
    names = ("aaaaaaaa", "bbbbbbbb")
    networks = [_save(tmp_path / f"{name}-01234567.th", seed, sources=["vocals"]) for seed, name in enumerate(names)]
    (tmp_path / "mine.yaml").write_text("models: [aaaaaaaa, bbbbbbbb]", encoding="utf-8")
    convert("htdemucs", (str(tmp_path / "mine.yaml"),), tmp_path / "model")
    mixture = torch.randn(1, 2, 17000, generator=torch.Generator().manual_seed(1))
    mixture = mixture / mixture.square().mean().sqrt()
    model = load_model(tmp_path / "model")
    with torch.inference_mode():
        wanted = torch.stack([network(mixture) for network in networks]).mean(dim=0)
        stems = model.separator(mixture)
    assert model.targets == ("vocals", "accompaniment")
    assert (stems[:, :1] - wanted).abs().max() < 1e-4 * wanted.abs().max()
    assert (stems.sum(dim=1) - mixture).abs().max() < 1e-5 * mixture.abs().max()
