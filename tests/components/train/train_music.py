"""Tiny caches and configurations, for the tests of `train`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.base.params import parse_section
from components.core.data.cache_format import FULL_SCALE, CacheSettings, Part, shard_path, write_index, write_parts
from components.core.models.start_model import StartModel
from components.core.sound.decoding import Audio
from components.train.config import AugmentConfig, TrainConfig

RATE = 8000
TARGETS = ("vocals", "accompaniment")
WHOLE = tuple(Part(target, target) for target in TARGETS)
"""The parts of a track whose targets have a single part each."""

PARAMS: dict[str, Any] = {
    "seed": 3,
    "network": {
        "name": "unet",
        "widths": [4, 8],
        "stft": {"window": 512, "hop": 128},
        "bins": 128,
        "frames": 32,
    },
    "frozen": [],
    "frozen_norms": False,
    "learning_rates": {},
    "loss": "waveform",
    "crop_seconds": 0.25,
    "steps": 40,
    "batch": 4,
    "learning_rate": 0.003,
    "warmup_steps": 5,
    "weight_decay": 0.01,
    "clip_norm": 1.0,
    "ema_decay": 0.9,
    "precision": "fp32",
    "passes": 1,
    "compile": False,
    "data_share": 1.0,
    "datasets": {},
    "loading_threads": 1,
    "augment": {
        "gain_db": 6.0,
        "remix_share": 0.5,
        "part_remix_share": 0.0,
        "mixup_share": 0.0,
        "swap_share": 0.5,
        "flip_share": 0.5,
        "silence_share": 0.0,
        "warp_share": 0.0,
        "warp_tempo": 0.12,
        "warp_semitones": 2.0,
    },
    "validate_every": 10,
    "checkpoint_every": 4,
    "validation_seconds": 2.0,
    "patience": 9,
}


def train_config(**changes: object) -> TrainConfig:
    """Return PARAMS, with changes, as the step reads it."""
    return parse_section("train", PARAMS | changes, TrainConfig, "params.yaml")


def augment_config(**changes: float) -> AugmentConfig:
    """Return the augmentation of PARAMS, with changes."""
    return AugmentConfig.model_validate(PARAMS["augment"] | changes)


def no_start(folder: Path) -> Path:
    """Write what the step `start` writes when a training starts from random weights."""
    folder.mkdir(parents=True, exist_ok=True)
    StartModel().write(folder)
    return folder


def noise(seed: int, seconds: float, channels: int = 2, level: float = 0.1) -> Audio:
    """Return `(targets, channels, samples)` of white noise."""
    shape = (len(TARGETS), channels, round(seconds * RATE))
    return (level * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def tone_and_noise(seed: int, seconds: float) -> Audio:
    """Return an easy problem: the vocals are partials of a low note, the accompaniment is hiss above them."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = random.uniform(150, 250)
    voice = sum(np.sin(2 * np.pi * pitch * partial * time + random.uniform(0, 6)) / 4 for partial in (1, 2, 3))
    hiss = np.diff(np.diff(random.standard_normal((2, time.size + 2)))) / 16
    return np.stack([np.stack([voice, voice]), hiss]).astype(np.float32)


def write_cache(
    folder: Path,
    tracks: Mapping[tuple[str, str], Audio],
    channels: int = 2,
    labels: Mapping[str, Mapping[str, Any]] | None = None,
    parts: Sequence[Part] = WHOLE,
) -> Path:
    """Write a cache of one shard; `tracks` maps a split and a name to `(parts, channels, samples)`.

    `labels` are columns of the index, by name, that differ from those of all others (`dataset`, `bandwidth`).
    """
    rows: list[Mapping[str, Any]] = []
    stored: list[NDArray[np.int16]] = []
    offset = 0
    for (split, name), stems in tracks.items():
        scale = max(float(np.abs(stems).max()), 1e-9) / FULL_SCALE
        stored.append(np.rint(stems / scale).astype(np.int16).ravel())
        place = {"shard": 0, "offset": offset, "samples": stems.shape[-1], "scale": f"{scale:.9e}"}
        track = {"track": f"made/{name}", "dataset": "made", "artist": name, "split": split}
        stems_of = {"bandwidth": RATE / 2, "parts": write_parts(parts)}
        rows.append(track | place | stems_of | dict((labels or {}).get(name, {})))
        offset += stems.size
    shard_path(folder, 0).parent.mkdir(parents=True, exist_ok=True)
    np.save(shard_path(folder, 0), np.concatenate(stored))
    write_index(folder, rows)
    CacheSettings(targets=TARGETS, rate=RATE, channels=channels).write(folder)
    return folder


def noise_cache(folder: Path) -> Path:
    """Write three training and two validation tracks of noise."""
    tracks = {("train", f"Song {number}"): noise(number, 2 + number) for number in range(3)}
    tracks |= {("validation", f"Held back {number}"): noise(10 + number, 3) for number in range(2)}
    return write_cache(folder, tracks)
