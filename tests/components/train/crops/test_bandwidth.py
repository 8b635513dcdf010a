"""Crops of recordings whose spectrum ends at a lower frequency limit all of their stems."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from components.core.data.cache_format import ShardReader
from components.core.sound.decoding import Audio
from components.train.crops.augmentation import Warp
from tests.components.train.crops.crop_samplers import (
    PARTS,
    REMIXED,
    parted_noise,
    sampler,
)
from tests.components.train.train_music import (
    RATE,
    TARGETS,
    write_cache,
)


def level_above(stems: Audio, limit: float) -> NDArray[np.float64]:
    """Return the loudest magnitude above `limit` (Hz) of each stem, relative to its loudest; edges fade out."""
    spectrum = np.abs(np.fft.rfft(stems * np.hanning(stems.shape[-1])))
    above = np.fft.rfftfreq(stems.shape[-1], 1 / RATE) > limit
    loudest: NDArray[np.float64] = spectrum[..., above].max(axis=(-2, -1)) / spectrum.max(axis=(-2, -1))
    return loudest


def test_narrowest_stem_limits_the_whole_crop(varied_reader: ShardReader) -> None:
    batch = sampler(varied_reader, REMIXED).batch(0, range(40))
    limited = np.array(["'made/Narrow'" in source for source in batch.sources])
    assert 5 < limited.sum() < 35
    levels = level_above(batch.stems, 1.01 * RATE / 4)
    assert levels[limited].max() < 2e-3
    assert levels[~limited].min() > 0.3


def test_second_stem_limits_the_crop(varied_reader: ShardReader) -> None:
    mixed = sampler(varied_reader, REMIXED.model_copy(update={"mixup_share": 1.0})).batch(0, range(40))
    second = [source for source in mixed.sources if "with vocals of 'made/Narrow'" in source]
    assert second
    limited = np.array(["'made/Narrow'" in source for source in mixed.sources])
    levels = level_above(mixed.stems, 1.01 * RATE / 4)
    assert levels[limited].max() < 2e-3
    assert levels[~limited].min() > 0.3


def test_part_of_a_narrow_track_limits_the_crop(tmp_path: Path) -> None:
    tracks = {("train", "Wide"): parted_noise(0, 3), ("train", "Narrow"): parted_noise(1, 3)}
    labels = {"Narrow": {"bandwidth": RATE / 4}}
    reader = ShardReader(write_cache(tmp_path, tracks, labels=labels, parts=PARTS), "train")
    batch = sampler(reader, REMIXED.model_copy(update={"part_remix_share": 1.0})).batch(0, range(60))
    levels = level_above(batch.stems, 1.01 * RATE / 4)
    limited = levels.max(axis=1) < 2e-3
    assert (limited | (levels.min(axis=1) > 0.3)).all()
    # of the crops whose vocals and bass are wide, some have narrow drums
    wide = np.array(["'made/Narrow'" not in source for source in batch.sources])
    assert limited[~wide].all()
    assert 0.2 < limited[wide].mean() < 0.8


def test_lower_pitch_lowers_the_limit(varied_reader: ShardReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.train.crops.sampler.draw_warp", lambda *_: Warp(1.0, 0.5))
    only = {target: {"made": 1.0} for target in TARGETS}
    levels = [
        level_above(sampler(varied_reader, REMIXED, datasets=only).batch(0, range(6)).stems, share * RATE / 4)
        for share in (0.9, 1.02)
    ]
    assert levels[0].min() > 0.02
    assert levels[1].max() < 2e-3


@pytest.mark.parametrize("pitch", [0.5, 1.5])
def test_narrow_track_never_sounds_above_its_limit(
    varied_reader: ShardReader, pitch: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.train.crops.sampler.draw_warp", lambda *_: Warp(1.0, pitch))
    only = {target: {"other": 1.0} for target in TARGETS}
    crops = sampler(varied_reader, REMIXED, datasets=only).batch(0, range(6)).stems
    assert level_above(crops, 1.02 * RATE / 4).max() < 2e-3
