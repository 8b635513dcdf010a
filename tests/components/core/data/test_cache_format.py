"""The reader of the cache's format."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.core.base.errors import UserError
from components.core.data.cache_format import CacheSettings, Part, ShardReader, shard_path, write_index, write_parts

TARGETS = ("vocals", "accompaniment")


def _row(
    track: str,
    split: str,
    shard: int,
    offset: int,
    samples: int,
    scale: float,
    parts: str = "vocals/vocals;accompaniment/accompaniment",
) -> dict[str, Any]:
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
        "parts": parts,
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
    CacheSettings(targets=TARGETS, rate=8000, channels=2).write(tmp_path)
    return tmp_path


def test_reader_returns_settings_and_tracks(cache: Path) -> None:
    reader = ShardReader(cache, "train")
    assert (reader.targets, reader.rate, reader.channels) == (TARGETS, 8000, 2)
    assert [track.name for track in reader.tracks] == ["made/one, two", "NA"]
    assert [track.name for track in ShardReader(cache, "validation").tracks] == ["made/b"]


def test_reader_returns_the_stored_integers(cache: Path) -> None:
    reader = ShardReader(cache, "train")
    first, second = reader.tracks
    assert np.array_equal(reader.stored(first), np.arange(20).reshape(2, 2, 5))
    assert np.array_equal(reader.stored(second), np.arange(20, 32).reshape(2, 2, 3))


def test_crops_are_scaled_and_padded_with_silence(cache: Path) -> None:
    reader = ShardReader(cache, "train")
    crop = reader.read(reader.tracks[0], TARGETS[1], 3, 4)
    assert crop.dtype == np.float32
    assert crop.tolist() == [[6.5, 7.0, 0.0, 0.0], [9.0, 9.5, 0.0, 0.0]]
    assert not reader.read(reader.tracks[0], TARGETS[0], 5, 2).any()


PARTS = (Part("vocals", "vocals"), Part("accompaniment", "bass"), Part("accompaniment", "drums"))


@pytest.fixture
def parted(tmp_path: Path) -> ShardReader:
    """A track of 4 samples whose accompaniment is stored in two parts, and one with a single part."""
    shard_path(tmp_path, 0).parent.mkdir()
    np.save(shard_path(tmp_path, 0), np.arange(3 * 2 * 4 + 2 * 2 * 4, dtype=np.int16))
    rows = [_row("a", "train", 0, 0, 4, 0.5, write_parts(PARTS)), _row("b", "train", 0, 24, 4, 2.0)]
    write_index(tmp_path, list(rows))
    CacheSettings(targets=TARGETS, rate=8000, channels=2).write(tmp_path)
    return ShardReader(tmp_path, "train")


def test_track_has_parts_and_bandwidth(parted: ShardReader) -> None:
    first, second = parted.tracks
    assert first.parts == PARTS
    assert second.parts == (Part("vocals", "vocals"), Part("accompaniment", "accompaniment"))
    assert (first.dataset, first.split, first.bandwidth) == ("made", "train", 4000.0)
    assert [first.parts_of(target) for target in (*TARGETS, "drums")] == [[0], [1, 2], []]
    assert [second.parts_of(target) for target in TARGETS] == [[0], [1]]


def test_reader_reads_a_single_part(parted: ShardReader) -> None:
    track, single = parted.tracks
    assert parted.read_part(track, 2, 0, 4).tolist() == [[8.0, 8.5, 9.0, 9.5], [10.0, 10.5, 11.0, 11.5]]
    late = parted.read_part(track, 1, 3, 3)
    assert late.dtype == np.float32
    assert late.tolist() == [[5.5, 0.0, 0.0], [7.5, 0.0, 0.0]]
    assert not parted.read_part(track, 1, 9, 3).any()
    assert parted.read_part(single, 1, 0, 2).tolist() == [[64.0, 66.0], [72.0, 74.0]]


def test_target_is_the_sum_of_its_parts(parted: ShardReader) -> None:
    track, _ = parted.tracks
    parts = [parted.read_part(track, part, 1, 5) for part in (1, 2)]
    assert np.array_equal(parted.read(track, "accompaniment", 1, 5), parts[0] + parts[1])
    assert np.array_equal(parted.read(track, "vocals", 1, 5), parted.read_part(track, 0, 1, 5))
    assert parted.stored(track).shape == (3, 2, 4)


@pytest.mark.parametrize(
    "stem", ["bass", "lead; double", "a/b", "50% wet", "%3B", "Ψ 歌手", "NA", '"quoted", with comma', "x;y/z", "#1 +"]
)
def test_stem_can_have_any_name(tmp_path: Path, stem: str) -> None:
    parts = (Part("vocals", "vocals"), Part("accompaniment", stem), Part("accompaniment", "drums"))
    shard_path(tmp_path, 0).parent.mkdir()
    np.save(shard_path(tmp_path, 0), np.zeros(3 * 2 * 4, np.int16))
    write_index(tmp_path, [_row("a", "train", 0, 0, 4, 0.5, write_parts(parts))])
    CacheSettings(targets=TARGETS, rate=8000, channels=2).write(tmp_path)
    [track] = ShardReader(tmp_path, "train").tracks
    assert track.parts == parts


def test_reader_maps_shards_into_memory(cache: Path) -> None:
    reader = ShardReader(cache, "train")
    base: Any = reader.stored(reader.tracks[0])
    while not isinstance(base, np.memmap):
        base = base.base
    assert not base.flags.writeable


def test_missing_cache_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cache\.json does not exist: run `dvc repro cache`"):
        ShardReader(tmp_path, "train")


def test_split_without_tracks_is_a_user_error(cache: Path) -> None:
    with pytest.raises(UserError, match="has no test tracks: acquire more data"):
        ShardReader(cache, "test")
