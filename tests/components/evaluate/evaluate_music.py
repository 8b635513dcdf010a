"""Short test tracks and a tiny model, for the tests of `evaluate`."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile
import stempeg
import torch

from components.core.base.files import digest_file
from components.core.data.manifest import StemFile, Track
from components.core.models.model_folder import save_model
from components.core.networks.architectures.unet import UNetConfig
from components.core.networks.unet import build_unet
from components.core.sound import decoding
from components.core.sound.decoding import Audio
from components.core.sound.stft_config import StftConfig
from components.evaluate.config import EvaluateConfig
from tests.support.params import section_with

RATE = 44100
TARGETS = ("vocals", "accompaniment")
STEMPEG_STEMS = ("mixture", "drums", "bass", "other", "vocals")


def evaluate_config(**changes: object) -> EvaluateConfig:
    """Return the section `evaluate` of params.yaml without post-processings, with changes."""
    return section_with("evaluate", EvaluateConfig, **{"post": {}, **changes})


def save_tiny_model(folder: Path, targets: tuple[str, ...] = TARGETS, channels: int = 2) -> Path:
    """Save an untrained U-Net of a few thousand weights."""
    torch.manual_seed(0)
    network = UNetConfig(widths=(4, 8), stft=StftConfig(window=512, hop=128), bins=128, frames=257)
    save_model(folder, build_unet(network, len(targets), channels), network, targets, RATE, channels, {})
    return folder


def noise(seed: int, seconds: float, channels: int = 2, level: float = 0.1) -> Audio:
    """Return `(channels, samples)` of white noise."""
    samples = np.random.default_rng(seed).standard_normal((channels, round(seconds * RATE)))
    return (level * samples).astype(np.float32)


def write_track(folder: Path, title: str, stems: Mapping[str, Audio]) -> Track:
    """Write a test track of wav files, one file per stem."""
    files = {}
    for name, samples in stems.items():
        path = folder / title / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples.T, RATE, subtype="PCM_16")
        files[name] = StemFile(name, path, 0, digest_file(path), samples.shape[1], RATE, samples.shape[0])
    return Track(f"made/Nobody - {title}", "Nobody", title, "made", "test", files)


def stempeg_track(folder: Path) -> Track:
    """Return the excerpt of MUSDB18 that stempeg ships (6 s), linked into `folder`."""
    source = Path(stempeg.example_stem_path())
    return stem_mp4_track(folder, source, "demo")


def stem_mp4_track(folder: Path, source: Path, dataset: str) -> Track:
    """Return a test track of the five streams of a stem.mp4, linked into `folder`."""
    path = folder / source.name
    path.symlink_to(source)
    artist, title = source.name.removesuffix(".stem.mp4").split(" - ", 1)
    digest = digest_file(path)
    stems = {}
    for stream, name in enumerate(STEMPEG_STEMS):
        samples, rate = decoding.read_audio(path, stream)
        stems[name] = StemFile(name, path, stream, digest, samples.shape[1], rate, samples.shape[0])
    return Track(f"{dataset}/{artist} - {title}", artist, title, dataset, "test", stems)
