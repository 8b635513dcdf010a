"""Crops with parts of a target from different tracks, and with two stems of a target."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from components.core.data.cache_format import ShardReader
from components.core.sound.decoding import Audio
from tests.components.train.crops.crop_samplers import (
    PARTS,
    PLAIN,
    REMIXED,
    places,
    sampler,
)
from tests.components.train.train_music import (
    RATE,
    TARGETS,
    write_cache,
)


def constant_reader(folder: Path, count: int = 3) -> ShardReader:
    """Tracks whose parts are constants: 0.1 · the track's number for the bass, 0.001 · for the drums; vocals 0.5."""
    stems = [np.array([0.5, 0.1 * number, 0.001 * number], np.float32) for number in range(1, count + 1)]
    tracks = {
        ("train", f"Song {number}"): np.repeat(levels, 2 * RATE).reshape(len(PARTS), 2, RATE)
        for number, levels in enumerate(stems, start=1)
    }
    return ShardReader(write_cache(folder, tracks, parts=PARTS), "train")


def bass_and_drums(stems: Audio) -> NDArray[np.int64]:
    """Return which tracks of `constant_reader` the bass and the drums of each crop come from, `(crops, 2)`."""
    levels = stems[:, 1, 0, 0]
    bass = np.floor(levels / 0.1)
    return np.stack([bass, np.rint((levels - 0.1 * bass) / 0.001)], axis=1).astype(np.int64)


@pytest.mark.parametrize(("share", "apart"), [(0.0, 0.0), (0.5, 1 / 3), (1.0, 2 / 3)])
def test_parts_of_a_target_come_from_different_tracks(tmp_path: Path, share: float, apart: float) -> None:
    """Two of the three tracks with drums differ from the track of the bass."""
    augment = REMIXED.model_copy(update={"part_remix_share": share})
    batch = sampler(constant_reader(tmp_path), augment).batch(0, range(400))
    tracks = bass_and_drums(batch.stems)
    assert set(tracks.ravel().tolist()) == {1, 2, 3}
    assert np.mean(tracks[:, 0] != tracks[:, 1]) == pytest.approx(apart, abs=0.08)
    # the first part is of the track that is named
    for [bass, _], [_, accompaniment] in zip(tracks, places(batch.sources), strict=True):
        assert accompaniment.startswith(f"'made/Song {bass}' at ")
    assert np.allclose(batch.stems[:, 0], 0.5, atol=1e-3)


def test_part_is_exchanged_only_for_one_of_the_same_name(varied_reader: ShardReader) -> None:
    """The narrow track has one part, its accompaniment, which no bass or drums can replace."""
    only = {target: {"other": 1.0} for target in TARGETS}
    together, apart = (
        sampler(varied_reader, REMIXED.model_copy(update={"part_remix_share": share}), datasets=only).batch(0, range(8))
        for share in (0.0, 1.0)
    )
    assert np.array_equal(together.stems, apart.stems)
    assert all(source.count("'made/Narrow'") == 2 for source in apart.sources)


def test_crop_without_remix_keeps_tempo_pitch_and_parts(varied_reader: ShardReader) -> None:
    changes = {"warp_share": 1.0, "part_remix_share": 1.0}
    plain = sampler(varied_reader, PLAIN).batch(0, range(8))
    left_alone = sampler(varied_reader, PLAIN.model_copy(update=changes)).batch(0, range(8))
    assert np.array_equal(plain.stems, left_alone.stems)
    assert plain.sources == left_alone.sources
    remixed = sampler(varied_reader, REMIXED).batch(0, range(8))
    for change in changes:
        changed = sampler(varied_reader, REMIXED.model_copy(update={change: 1.0})).batch(0, range(8))
        assert not np.array_equal(remixed.stems, changed.stems)


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0.0, 0.0), (0.3, 0.22, 0.38), (1.0, 1.0, 1.0)])
def test_mixup_share_sets_the_rate_of_second_stems(tmp_path: Path, share: float, low: float, high: float) -> None:
    batch = sampler(constant_reader(tmp_path), REMIXED.model_copy(update={"mixup_share": share})).batch(0, range(300))
    vocals = batch.stems[:, 0, 0, 0]
    assert np.all(np.isclose(vocals, 0.5, atol=1e-3) | np.isclose(vocals, 1.0, atol=1e-3))
    doubled = vocals > 0.75
    assert low <= doubled.mean() <= high
    named = [source.split(", accompaniment")[0].count(" with vocals of 'made/Song ") for source in batch.sources]
    assert named == doubled.astype(int).tolist()


def test_second_stem_is_augmented_independently(tmp_path: Path) -> None:
    augment = REMIXED.model_copy(update={"mixup_share": 1.0, "flip_share": 0.5})
    vocals = sampler(constant_reader(tmp_path), augment).batch(0, range(300)).stems[:, 0, 0, 0]
    for sum_of_two, share in ((-1.0, 0.25), (0.0, 0.5), (1.0, 0.25)):
        assert np.mean(np.isclose(vocals, sum_of_two, atol=2e-3)) == pytest.approx(share, abs=0.09)
