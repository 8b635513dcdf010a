"""The cache: the error of its samples, equal bytes in every build, and the number of shards."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from components.cache.cache import cache
from components.cache.config import CacheConfig
from components.core.base.errors import UserError
from components.core.base.files import digest_file, digest_folder
from components.core.data.cache_format import FULL_SCALE, ShardReader
from components.core.data.manifest import StemFile, Track, read_manifest, read_targets, write_manifest
from tests.support.tiny_models import noise

RATE = 8000
FOUR = ("vocals", "drums", "bass", "other")


def _config(targets: Sequence[str] = ("vocals", "accompaniment"), minutes: float = 60.0) -> CacheConfig:
    return CacheConfig(targets=tuple(targets), rate=RATE, channels=2, shard_minutes=minutes)


def _track(folder: Path, name: str, split: str, seed: int, samples: int, rate: int = RATE, level: float = 0.3) -> Track:
    stems = {}
    for number, stem in enumerate(FOUR):
        path = folder / "tracks" / name / f"{stem}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, noise(seed + number, samples, 1 + number % 2, level).T, rate, "PCM_24")
        stems[stem] = StemFile(stem, path, 0, digest_file(path), samples, rate, 1 + number % 2)
    return Track(f"made/a - {name}", "a", name, "made", split, stems)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    tracks = [_track(folder, f"t{number}, two", "train", 10 * number, 4000 + 7 * number) for number in range(4)]
    tracks.append(_track(folder, "loud", "train", 50, 3000, 44100, 1.0))
    tracks.append(_track(folder, "歌", "validation", 60, 5000))
    tracks.append(_track(folder, "silent", "validation", 70, 500, level=0.0))
    tracks.append(_track(folder, "held back", "test", 80, 4000))
    write_manifest(folder, tracks)
    return folder


def _check(config: CacheConfig, data: Path, out: Path) -> None:
    for split in ("train", "validation"):
        reader = ShardReader(out, split)
        assert (reader.targets, reader.rate, reader.channels) == (config.targets, config.rate, config.channels)
        tracks = {track.name: track for track in read_manifest(data, split)}
        assert [track.name for track in reader.tracks] == list(tracks)
        for cached in reader.tracks:
            stems = read_targets(tracks[cached.name], config.targets, config.rate, config.channels)
            assert cached.samples == stems.shape[-1]
            found = np.stack([reader.read(cached, target, 0, cached.samples) for target in config.targets])
            # half a step for each stem of a sum, and float32's rounding
            assert np.abs(found - stems).max() <= len(cached.parts) * cached.scale * (0.5 + 4e-3)
            assert np.abs(reader.stored(cached)).max() == (FULL_SCALE if stems.any() else 0)
            crop = reader.read(cached, config.targets[1], 100, 50)
            assert crop == pytest.approx(stems[1, :, 100:150], abs=2 * cached.scale)


@pytest.mark.parametrize("targets", [("vocals", "accompaniment"), FOUR])
def test_samples_are_within_half_a_step(targets: tuple[str, ...], data: Path, tmp_path: Path) -> None:
    cache(_config(targets), data, tmp_path)
    _check(_config(targets), data, tmp_path)
    assert len(list((tmp_path / "shards").iterdir())) == 1


def test_shards_have_the_requested_length(data: Path, tmp_path: Path) -> None:
    config = _config(minutes=5000 / RATE / 60)
    cache(config, data, tmp_path)
    _check(config, data, tmp_path)
    index = pd.read_csv(tmp_path / "index.csv")
    stored = index["samples"] * (index["parts"].str.count(";") + 1)
    assert stored.groupby(index["shard"]).sum().between(1, 2 * 5000 + 3 * 5000).all()
    assert index["shard"].tolist() == sorted(index["shard"])
    files = sorted((tmp_path / "shards").iterdir())
    assert [path.name for path in files] == [f"{number:03d}.npy" for number in range(index["shard"].max() + 1)]
    assert len(files) > 2
    for number, path in enumerate(files):
        shard = np.load(path)  # any reader of NumPy's format
        assert shard.dtype == np.int16
        assert shard.shape == (2 * stored[index["shard"] == number].sum(),)


def test_cache_builds_the_same_bytes_twice(data: Path, tmp_path: Path) -> None:
    for name in ("first", "second"):
        cache(_config(minutes=0.01), data, tmp_path / name)
    assert digest_folder(tmp_path / "first") == digest_folder(tmp_path / "second")


def test_cache_replaces_an_earlier_one(data: Path, tmp_path: Path) -> None:
    cache(_config(minutes=0.01), data, tmp_path / "used")
    for name in ("used", "fresh"):
        cache(_config(), data, tmp_path / name)
    assert digest_folder(tmp_path / "used") == digest_folder(tmp_path / "fresh")


def test_cache_excludes_the_test_split(data: Path, tmp_path: Path) -> None:
    cache(_config(), data, tmp_path)
    assert "held back" not in (tmp_path / "index.csv").read_text(encoding="utf-8")
    assert set(pd.read_csv(tmp_path / "index.csv")["split"]) == {"train", "validation"}


def test_track_without_a_target_is_a_user_error_and_leaves_no_cache(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no stem for the target 'piano'"):
        cache(_config(("vocals", "piano")), data, tmp_path)
    assert not list(tmp_path.rglob("*.npy"))
    with pytest.raises(UserError, match="run `dvc repro cache` first"):
        ShardReader(tmp_path, "train")


def test_cache_prints_tracks_and_size(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache(_config(), data, tmp_path)
    assert "cache: 7 tracks, " in capsys.readouterr().out
