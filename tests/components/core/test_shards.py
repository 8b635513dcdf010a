"""The reader of the cache's format."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.core.errors import UserError
from components.core.shards import ShardReader, shard_path, write_index, write_settings

TARGETS = ("vocals", "accompaniment")


def _row(track: str, split: str, shard: int, offset: int, samples: int, scale: float) -> dict[str, Any]:
    return {
        "track": track,
        "dataset": "made",
        "artist": "a",
        "split": split,
        "shard": shard,
        "offset": offset,
        "samples": samples,
        "scale": scale,
        "bandwidth": 4000.0,
        "parts": "vocals/vocals;accompaniment/accompaniment",
    }


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Two shards; in the first a track of 5 and one of 3 samples, stereo."""
    shard_path(tmp_path, 0).parent.mkdir()
    np.save(shard_path(tmp_path, 0), np.arange(2 * 2 * 8, dtype=np.int16))
    np.save(shard_path(tmp_path, 1), np.full(2 * 2 * 4, -7, np.int16))
    rows = [
        _row("made/one, two", "train", 0, 0, 5, 0.5),
        _row("NA", "train", 0, 20, 3, 1e-4),
        _row("made/b", "validation", 1, 0, 4, 1.0),
    ]
    write_index(tmp_path, list(rows))
    write_settings(tmp_path, TARGETS, 8000, 2)
    return tmp_path


def test_settings_and_tracks(cache: Path) -> None:
    reader = ShardReader(cache, "train")
    assert (reader.targets, reader.rate, reader.channels) == (TARGETS, 8000, 2)
    assert [track.name for track in reader.tracks] == ["made/one, two", "NA"]
    assert [track.name for track in ShardReader(cache, "validation").tracks] == ["made/b"]


def test_stems_are_the_stored_integers(cache: Path) -> None:
    reader = ShardReader(cache, "train")
    first, second = reader.tracks
    assert np.array_equal(reader.stored(first), np.arange(20).reshape(2, 2, 5))
    assert np.array_equal(reader.stored(second), np.arange(20, 32).reshape(2, 2, 3))


def test_crops_are_scaled_and_end_in_silence(cache: Path) -> None:
    reader = ShardReader(cache, "train")
    crop = reader.read(reader.tracks[0], TARGETS[1], 3, 4)
    assert crop.dtype == np.float32
    assert crop.tolist() == [[6.5, 7.0, 0.0, 0.0], [9.0, 9.5, 0.0, 0.0]]
    assert not reader.read(reader.tracks[0], TARGETS[0], 5, 2).any()


def test_shards_are_mapped_not_read(cache: Path) -> None:
    reader = ShardReader(cache, "train")
    base: Any = reader.stored(reader.tracks[0])
    while not isinstance(base, np.memmap):
        base = base.base
    assert not base.flags.writeable


def test_a_missing_cache_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cache\.json does not exist: run `dvc repro cache`"):
        ShardReader(tmp_path, "train")


def test_a_split_without_tracks_is_one_line(cache: Path) -> None:
    with pytest.raises(UserError, match="has no test tracks: acquire more data"):
        ShardReader(cache, "test")
