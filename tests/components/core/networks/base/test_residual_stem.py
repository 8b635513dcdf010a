"""A model of one stem returns the stem of its network and the remainder of the mixture."""

from pathlib import Path
from typing import Any

import pytest
import torch

from components.core.base.errors import UserError
from components.core.models.model_folder import load_model, save_model
from components.core.networks.architecture_registry import parse_network
from components.core.networks.base.separator import Separator, add_residual_target
from components.core.networks.building import build_separator
from components.core.separating.fast import for_inference
from components.export.onnx.exportable import make_exportable

STFT = {"window": 512, "hop": 128}
NETWORKS: dict[str, dict[str, Any]] = {
    "unet": {"widths": (4, 8), "bins": 128, "frames": 9, "stft": STFT},
    "wave_unet": {"layers": 3, "filters": 4, "segment": 4096},
}
"""Kinds of networks for which published weights of one stem exist: masks and waveforms."""


def _save(name: str, folder: Path) -> tuple[Separator, Path]:
    """Return a network of one stem, and the folder of its model."""
    torch.manual_seed(0)
    network = parse_network({"name": name, **NETWORKS[name]})
    separator = build_separator(network, 1, 2).eval()
    save_model(folder, separator, network, ("vocals",), 44100, 2, {})
    return separator, folder


def _mixture() -> torch.Tensor:
    return 0.1 * torch.randn(2, 2, 5000, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", NETWORKS)
def test_stem_and_remainder_add_up_to_the_mixture(name: str, tmp_path: Path) -> None:
    network, folder = _save(name, tmp_path)
    model, mixture = load_model(folder), _mixture()
    assert model.targets == ("vocals", "accompaniment")
    with torch.inference_mode():
        alone, stems = network.estimates(mixture), model.separator(mixture)
    assert stems.shape == (2, 2, 2, 5000)
    assert torch.equal(stems[:, :1], alone)
    assert (stems.sum(dim=1) - mixture).abs().max() < 1e-6
    assert stems[:, 1].abs().max() > 1e-3


@pytest.mark.parametrize("name", NETWORKS)
def test_fast_copy_returns_the_same_stems(name: str, tmp_path: Path) -> None:
    model, mixture = load_model(_save(name, tmp_path)[1]), _mixture()
    with torch.inference_mode():
        wanted = model.separator(mixture)
        for precision, most in (("fp32", 1e-5), ("bf16", 1e-2)):
            stems = for_inference(model.separator, precision)(mixture)  # type: ignore[arg-type]
            assert (stems - wanted).abs().max() < most
            assert (stems.sum(dim=1) - mixture).abs().max() < 1e-6


@pytest.mark.parametrize(
    ("targets", "names"),
    [
        (("vocals",), ("vocals", "accompaniment")),
        (("accompaniment",), ("accompaniment", "vocals")),
        (("drums",), ("drums", "no-drums")),
        (("no-reverb",), ("no-reverb", "reverb")),
        (("vocals", "drums"), ("vocals", "drums")),
    ],
)
def test_remainder_has_a_name(targets: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert add_residual_target(targets) == names


def test_export_refuses_a_network_of_one_stem(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^ResidualSeparator cannot be exported"):
        make_exportable(load_model(_save("unet", tmp_path)[1]).separator)
