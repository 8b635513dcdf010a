"""The demo: one real excerpt, and songs that depend on the seed only."""

from pathlib import Path

import pytest
import soundfile

from components.acquire.datasets.demo import find
from components.core.base.files import digest_folder
from tests.components.acquire.acquire_params import acquire_config


@pytest.mark.slow
def test_songs_are_rendered_once_and_depend_on_the_seed(tmp_path: Path) -> None:
    config = acquire_config(datasets=["demo"], demo_songs=2, demo_seconds=4.0)
    collection = find(config, tmp_path / "one")
    test, *songs = collection.tracks
    assert (test.artist, test.title, test.split) == ("The Easton Ellises", "Falcon 69", "test")
    assert [stem.stem for stem in test.stems] == ["mixture", "drums", "bass", "other", "vocals"]
    assert len(songs) == 2
    for song in songs:
        assert song.split is None
        assert {stem.stem for stem in song.stems} == {"vocals", "drums", "bass", "other"}
        info = soundfile.info(song.stems[0].path)
        assert (info.samplerate, info.channels, info.frames, info.subtype) == (44_100, 2, 176_400, "PCM_16")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.flac")}
    assert find(config, tmp_path / "one") == collection
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.flac")} == before
    find(config, tmp_path / "two")
    assert digest_folder(tmp_path / "one") == digest_folder(tmp_path / "two")
    other = find(config.model_copy(update={"seed": 8}), tmp_path / "one")
    assert {track.name for track in other.tracks} & {track.name for track in collection.tracks} == {test.name}
