"""Our own ONNX exports become models with the same stems again."""

from pathlib import Path

import pytest
import torch

from components.convert.convert import convert
from components.core.models.model_folder import load_model
from components.core.networks.base.separator import Separator
from components.core.networks.base.waveform import WaveformSeparator
from components.core.networks.wave_unet import WaveUNetSeparator
from tests.components.export.onnx.networks import NETWORKS, OTHERS, exported, mixture_for, model_of


def _fitting_length(separator: Separator) -> int:
    """Return the length in samples of the output for one segment."""
    segment = separator.segment
    if isinstance(separator, WaveUNetSeparator):
        return separator.config.output_length(segment)
    return separator.padded_length(segment) if isinstance(separator, WaveformSeparator) else segment


@pytest.mark.slow
@pytest.mark.parametrize("name", [*NETWORKS, *OTHERS])
def test_converted_export_returns_the_same_stems_at_any_level(name: str, exports: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = model_of(name)
    convert("onnx", (str(exported(model, exports)),), tmp_path / "back")
    back = load_model(tmp_path / "back")
    assert (back.targets, back.rate, back.channels) == (model.targets, model.rate, model.channels)
    assert back.separator.segment == _fitting_length(model.separator)
    noise = mixture_for(model)
    for level, offset in ((1.0, 0.0), (0.01, 0.05)):
        mixture = offset + level * torch.nn.functional.pad(noise, (0, back.separator.segment - noise.shape[-1]))
        with torch.inference_mode():
            wanted, found = model.separator(mixture), back.separator(mixture)
        assert (found - wanted).abs().max() < 1e-5


@pytest.mark.slow
def test_converted_export_separates_longer_music_with_context(exports: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = model_of("wave_unet")
    separator = model.separator
    assert isinstance(separator, WaveUNetSeparator)
    convert("onnx", (str(exported(model, exports)),), tmp_path / "back")
    back = load_model(tmp_path / "back").separator
    segment, context = back.segment, separator.config.context
    given = torch.cat([mixture_for(model)] * 3, dim=-1)[..., : 2 * segment + context]
    with torch.inference_mode():
        wanted = [separator.network(given[..., start : start + segment + context]) for start in (0, segment)]
        assert (back.network(given) - torch.cat(wanted, dim=-1)).abs().max() < 1e-5
