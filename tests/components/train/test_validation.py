"""The SDR of the averaged network on the validation tracks."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from components.core.data.cache_format import ShardReader
from components.core.networks.base.separator import Separator
from components.core.sound.decoding import Audio
from components.train.process_group import ProcessGroup
from components.train.validation import validation_sdr
from tests.components.train.train_music import RATE, TARGETS, noise, write_cache


class _Fixed(Separator):
    """Returns fixed shares of the mixture as stems."""

    def __init__(self, *shares: float) -> None:
        super().__init__()
        self.segment = 1024
        self.shares = torch.tensor(shares)

    def estimates(self, mixture: Tensor) -> Tensor:
        return self.shares.reshape(1, -1, 1, 1) * mixture.unsqueeze(1)


def plain_sdr(stem: Audio, estimate: Audio) -> list[float]:
    """BSS Eval v4's SDR, second by second."""
    frames = range(0, stem.shape[1] - RATE + 1, RATE)
    cut = [(stem[:, start : start + RATE], (stem - estimate)[:, start : start + RATE]) for start in frames]
    return [10 * math.log10(float((s.astype(float) ** 2).sum() / (e.astype(float) ** 2).sum())) for s, e in cut]


def test_validation_sdr_is_the_median_over_frames_then_tracks(tmp_path: Path, group: ProcessGroup) -> None:
    rise = np.linspace(0.2, 1.0, 5 * RATE, dtype=np.float32)  # so that the frames differ
    music = {name: noise(number, 5) * np.stack([rise, rise[::-1]])[:, None] for number, name in enumerate("abc")}
    reader = ShardReader(write_cache(tmp_path, {("validation", k): v for k, v in music.items()}), "validation")
    sdr = validation_sdr(_Fixed(0.7, 0.4), reader, 3 * 3.0, group)
    for target, share in ((0, 0.7), (1, 0.4)):
        medians = []
        for track in reader.tracks:
            stems = np.stack([reader.read(track, name, RATE, 3 * RATE) for name in TARGETS])  # the middle
            medians.append(np.median(plain_sdr(stems[target], np.float32(share) * stems.sum(axis=0))))
        assert sdr[TARGETS[target]] == pytest.approx(float(np.median(medians)), abs=1e-3)


def test_silent_frames_and_tracks_do_not_count(tmp_path: Path, group: ProcessGroup) -> None:
    sung, pause, instrumental = noise(0, 3), noise(0, 3), noise(1, 3)
    pause[0, :, RATE : 2 * RATE] = 0
    instrumental[0] = 0
    tracks = {"sung": sung, "pause": pause}

    def vocals(*names: str) -> float:
        chosen = {("validation", name): (tracks | {"instrumental": instrumental})[name] for name in names}
        reader = ShardReader(write_cache(tmp_path / "-".join(names), chosen), "validation")
        return validation_sdr(_Fixed(0.5, 0.5), reader, 3.0 * len(names), group)["vocals"]

    assert vocals("pause") == pytest.approx(vocals("sung"), abs=0.2)
    assert vocals("sung", "instrumental") == pytest.approx(vocals("sung"), abs=1e-6)
    assert math.isnan(vocals("instrumental"))


def test_track_shorter_than_a_second_is_scored(tmp_path: Path, group: ProcessGroup) -> None:
    reader = ShardReader(write_cache(tmp_path, {("validation", "short"): noise(0, 0.3)}), "validation")
    assert math.isfinite(validation_sdr(_Fixed(0.5, 0.5), reader, 0.1, group)["vocals"])
