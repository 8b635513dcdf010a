#!/usr/bin/env bash
# Finding: SCNet of Music-Source-Separation-Training takes its STFT with a rectangular window, while the other
# spectrogram networks of the package take a Hann window. Weights that the package trained need the rectangular one: with
# a Hann window they load without an error and get another spectrum of every frame. Its YAML files do not name a window.
#
#   msst==0.1.0, torch==2.13.0, observed on 1 December 2026.
#
# The script gives the network a tone between two bins, and compares what reaches its first layer with both spectra.
#
# Observed output:
#   msst 0.1.0, torch 2.13.0+cpu
#   difference to the spectrum with a rectangular window: 0.0e+00 of the peak
#   difference to the spectrum with a Hann window: 4.9e-01 of the peak
#   as found: the window is rectangular
#
# Exits 0 if the behaviour is as described, 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy
"$folder/venv/bin/pip" install --quiet --no-deps msst==0.1.0 # the model needs torch alone
cat > "$folder/check.py" <<'PYTHON'
import math
import sys
import warnings
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import torch

warnings.simplefilter("ignore")  # torch warns that the window is missing


def load_models(package: Path) -> ModuleType:
    """Import the folder of the model alone: the package itself imports programs for training."""
    spec = spec_from_file_location("scnet", package / "__init__.py", submodule_search_locations=[str(package)])
    module = module_from_spec(spec)
    sys.modules["scnet"] = module
    spec.loader.exec_module(module)
    return module


package = next(Path(folder) / "msst/models/scnet" for folder in sys.path if (Path(folder) / "msst/models").is_dir())
torch.manual_seed(0)
network = load_models(package).SCNet(dims=[4, 8, 8, 8], num_dplayer=2).eval()
received = []
network.encoder[0].register_forward_pre_hook(lambda module, inputs: received.append(inputs[0]))
samples = 63 * 1024  # so long that the network pads it by one hop
tone = torch.sin(2 * math.pi * 440.0 / 44100 * torch.arange(samples)).expand(1, 2, samples)
with torch.inference_mode():
    network(tone)


def spectrum(window: torch.Tensor) -> torch.Tensor:
    """Return what the network would get with this window, in the middle: real parts of the left channel."""
    values = torch.stft(tone[0, 0], 4096, 1024, window=window, normalized=True, return_complex=True)
    return values[:, 20:40].real


found = received[0][0, 0, :, 20:40]
print(f"msst {version('msst')}, torch {torch.__version__}")
difference = {}
for name, window in (("rectangular", torch.ones(4096)), ("Hann", torch.hann_window(4096))):
    expected = spectrum(window)
    difference[name] = float((found - expected).abs().max() / found.abs().max())
    print(f"difference to the spectrum with a {name} window: {difference[name]:.1e} of the peak")
as_found = difference["rectangular"] < 1e-4 < difference["Hann"]
print("as found: the window is rectangular" if as_found else "changed")
sys.exit(0 if as_found else 1)
PYTHON
"$folder/venv/bin/python" "$folder/check.py"
