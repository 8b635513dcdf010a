"""Networks with spectra inside return the same stems in real arithmetic."""

from typing import Any

import pytest
import torch

from components.core.base.errors import UserError
from components.core.networks.architecture_registry import parse_network
from components.core.networks.base.waveform import WaveformSeparator
from components.core.networks.building import build_separator
from components.export.onnx.exportable import make_exportable

SMALL: dict[str, dict[str, Any]] = {
    "hdemucs": {"channels": 4, "depth": 5, "window": 1024},
    "htdemucs": {"channels": 8, "bottom": 8, "layers": 3, "heads": 2, "window": 512, "depth": 3},
    "bs_roformer": {"width": 8, "depth": 3, "heads": 2, "hop": 500},
    "mel_band_roformer": {"width": 8, "depth": 2, "heads": 2, "head_width": 8, "bands": 12, "hop": 500},
    "mdx23c": {"width": 4, "growth": 4, "levels": 2, "bins": 128, "stft": {"window": 512, "hop": 128}},
}


@pytest.mark.parametrize(("channels", "stems", "samples"), [(2, 4, 16384), (1, 1, 20001), (2, 2, 17777)])
@pytest.mark.parametrize("name", SMALL)
def test_real_network_returns_the_stems_of_the_network(name: str, channels: int, stems: int, samples: int) -> None:
    torch.manual_seed(0)
    try:
        separator = build_separator(parse_network({"name": name, **SMALL[name]}), stems, channels).eval()
    except UserError as error:
        pytest.skip(str(error))  # an optional package
    assert isinstance(separator, WaveformSeparator)
    mixture = 0.1 * torch.randn(2, channels, separator.padded_length(samples))
    with torch.inference_mode():
        wanted, found = separator.network(mixture), make_exportable(separator).eval()(mixture)
    assert found.shape == (2, stems, channels, mixture.shape[-1])
    assert (found - wanted.reshape(found.shape)).abs().max() < 1e-5 * wanted.abs().max()
    assert wanted.abs().max() > 1e-3
