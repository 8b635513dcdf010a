"""Hybrid Transformer Demucs with a YAML file of Music-Source-Separation-Training returns the stems of `demucs`."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from components.convert.convert import convert
from components.core.base.errors import UserError
from components.core.models.model_folder import load_model
from components.core.networks.htdemucs import HTDemucsSeparator

SOURCES = ["drums", "bass", "other", "vocals"]
SIZES: dict[str, Any] = {
    "channels": 8, "growth": 2, "nfft": 512, "depth": 3, "cac": True, "dconv_mode": 3, "t_layers": 1, "t_heads": 2,
    "bottom_channels": 16,
}  # fmt: skip
CONFIG: dict[str, Any] = {
    "audio": {"chunk_size": 16000, "num_channels": 2, "sample_rate": 8000},
    "training": {"segment": 2, "samplerate": 8000, "channels": 2, "instruments": SOURCES, "target_instrument": None},
    "model": "htdemucs",
    "htdemucs": {**SIZES, "num_subbands": 1, "use_train_segment": True},
}


def _write(folder: Path, **changes: Any) -> tuple[tuple[str, str], Any]:
    """Write both files; return their paths and the package's network."""
    package = pytest.importorskip("demucs.htdemucs")
    torch.manual_seed(0)
    network = package.HTDemucs(SOURCES, **SIZES, segment=2, use_train_segment=False).eval()
    config = {name: values | changes.get(name, {}) if isinstance(values, dict) else values
              for name, values in CONFIG.items()}  # fmt: skip
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    torch.save({"state": network.state_dict()}, folder / "x.th")
    return (str(folder / "config.yaml"), str(folder / "x.th")), network


def test_converted_network_returns_the_stems_of_the_package(tmp_path: Path) -> None:
    sources, original = _write(tmp_path)
    converted = convert("msst", sources, tmp_path / "model")
    assert (converted.targets, converted.rate, converted.channels) == (tuple(SOURCES), 8000, 2)
    separator = load_model(tmp_path / "model").separator
    assert isinstance(separator, HTDemucsSeparator)
    assert separator.segment == 2 * 8000
    mixture = 0.1 * torch.randn(1, 2, 17000, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        wanted, found = original(mixture), separator.run_network(mixture)
    assert (found - wanted).abs().max() < 1e-4 * wanted.abs().max()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"htdemucs": {"t_layers": 2}}, "does not fit the weights"),
        ({"htdemucs": {"num_subbands": 2}}, "htdemucs: .*num_subbands"),
        ({"htdemucs": {"emb_scale": 2}}, "from our network's; name other weights"),
        ({"htdemucs": {"depth": -1}}, "config.yaml: htdemucs: "),
        ({"training": {"samplerate": 48000}}, "training.samplerate is 48000, and audio.sample_rate is 8000"),
        ({"training": {"segment": 0}}, "training.segment: expected a number greater than 0"),
    ],
)
def test_other_settings_are_a_user_error(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    sources, _ = _write(tmp_path, **changes)
    with pytest.raises(UserError, match=message) as raised:
        convert("msst", sources, tmp_path / "model")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "model").exists()
