"""What we export as ONNX files comes back as a model: the same stems, or a line that says why not."""

from pathlib import Path

import pytest
import torch
from core.runtimes.networks import NETWORKS, OTHERS, mixture_for, model_of

from components.convert.convert import convert
from components.core.bundle import load_model
from components.core.errors import UserError
from components.core.networks.separator import Separator
from components.core.networks.waveform import WaveformSeparator
from components.core.runtimes.onnx_file import export_onnx

REFUSED = {
    "tdf_unet": "has the interface complex-mask: there are waveform, magnitude-mask",
    "wave_unet": r"turns \(1, 2, \d+\) into \(1, 2, 2, \d+\)",  # it gives fewer samples than it takes
}
COMING_BACK = sorted({**NETWORKS, **OTHERS}.keys() - REFUSED)


def _whole(separator: Separator) -> int:
    """Return how many samples fill what the network takes."""
    segment = separator.segment
    return separator.length(segment) if isinstance(separator, WaveformSeparator) else segment


@pytest.mark.slow
@pytest.mark.parametrize("name", COMING_BACK)
def test_it_gives_the_same_stems_at_any_level(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    model = model_of(name)
    convert("onnx", str(export_onnx(model, tmp_path)), tmp_path / "back")
    back = load_model(tmp_path / "back")
    assert (back.targets, back.rate, back.channels) == (model.targets, model.rate, model.channels)
    assert back.separator.segment == _whole(model.separator)
    noise = mixture_for(model)
    for level, offset in ((1.0, 0.0), (0.01, 0.05)):
        mixture = offset + level * torch.nn.functional.pad(noise, (0, back.separator.segment - noise.shape[-1]))
        with torch.inference_mode():
            wanted, found = model.separator(mixture), back.separator(mixture)
        assert (found - wanted).abs().max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_way_back_is_one_line(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    with pytest.raises(UserError, match=REFUSED[name]) as raised:
        convert("onnx", str(export_onnx(model_of(name), tmp_path)), tmp_path / "back")
    assert "\n" not in str(raised.value)
