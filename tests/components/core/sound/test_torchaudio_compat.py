"""torchaudio works with and without its compiled extension; each case runs in a separate Python."""

from tests.support.tiny_models import run_python

USE = """
from components.core.sound.torchaudio_compat import torchaudio
import torch
from torchaudio.functional import resample as by_name

tone = torch.sin(torch.arange(4410) * 2 * torch.pi * 441 / 44100)
half = torchaudio.transforms.Resample(44100, 22050)(tone)
assert half.shape == (2205,), half.shape
assert torch.allclose(by_name(tone, 44100, 22050), half, atol=1e-4)
expected = torch.sin(torch.arange(2205) * 2 * torch.pi * 441 / 22050)
assert (half - expected)[100:-100].abs().max() < 5e-2
spectrum = torchaudio.transforms.Spectrogram(512, power=None)(tone)
back = torchaudio.transforms.InverseSpectrogram(512)(spectrum, 4410)
assert (back - tone).abs().max() < 1e-5
import sys
print(type(sys.modules["torchaudio._extension"].__spec__).__name__)
"""

REFUSE = """
import importlib.abc, sys

class Refuse(importlib.abc.MetaPathFinder):
    # what a missing CUDA library looks like
    def find_spec(self, name, path, target=None):
        if name == "torchaudio._extension":
            raise OSError("libcudart.so: cannot open shared object file")

sys.meta_path.insert(0, Refuse())
"""

LOADED = """
import sys, types
# an extension that loads, and offers nothing
extension = types.ModuleType("torchaudio._extension")
extension._IS_TORCHAUDIO_EXT_AVAILABLE = extension._IS_ALIGN_AVAILABLE = False
extension.fail_if_no_align = lambda function: function
sys.modules["torchaudio._extension"] = extension
"""


def test_torchaudio_works_as_installed() -> None:
    result = run_python("-c", USE)
    assert result.returncode == 0, result.stderr


def test_torchaudio_works_without_its_extension() -> None:
    result = run_python("-c", REFUSE + USE)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "NoneType\n"  # the empty module that replaces it


def test_loadable_extension_is_kept() -> None:
    check = "\nassert sys.modules['torchaudio._extension'] is extension\n"
    result = run_python("-c", LOADED + USE + check)
    assert result.returncode == 0, result.stderr
