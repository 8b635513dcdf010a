"""Models that run in milliseconds, noise, and steps as programs."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from components.core.models.model_folder import save_model
from components.core.networks.architectures.unet import UNetConfig
from components.core.networks.base.separator import Separator
from components.core.networks.unet import build_unet
from components.core.sound.decoding import Audio
from components.core.sound.stft_config import StftConfig

ROOT = Path(__file__).parents[2]
TARGETS = ("vocals", "accompaniment")
TINY = UNetConfig(widths=(4, 8), stft=StftConfig(window=512, hop=128), bins=128, frames=9)
"""A segment of 1,024 samples, half of them shared with the next."""


def tiny_separator(stems: int = 2, channels: int = 2, network: UNetConfig = TINY, seed: int = 0) -> Separator:
    """Return an untrained separator in evaluation mode; its masks are neither all one nor all the same."""
    torch.manual_seed(seed)
    separator = build_unet(network, stems, channels)
    for parameter in separator.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.5)
    return separator.eval()


def save_tiny_model(
    folder: Path,
    targets: tuple[str, ...] = TARGETS,
    channels: int = 2,
    rate: int = 44100,
    network: UNetConfig = TINY,
    seed: int = 0,
) -> Path:
    """Save an untrained model; another `seed`, another model."""
    separator = tiny_separator(len(targets), channels, network, seed)
    origin = {"run_id": "0123456789abcdef", "git_commit": "c0ffee"}
    save_model(folder, separator, network, targets, rate, channels, origin)
    return folder


def noise(seed: int, samples: int, channels: int = 2, level: float = 0.1) -> Audio:
    """Return `(channels, samples)` of noise within ± `level`."""
    rng = np.random.default_rng(seed)
    drawn: NDArray[np.float64] = rng.uniform(-level, level, (channels, samples))
    return drawn.astype(np.float32)


def environment(**more: str) -> dict[str, str]:
    """Return an environment in which `python -m components.…` works from any folder, on one thread."""
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"} | more


def run_python(
    *arguments: str, cwd: Path = ROOT, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run this Python in the folder `cwd`, with `more` in its environment."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment(**(more or {})),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
