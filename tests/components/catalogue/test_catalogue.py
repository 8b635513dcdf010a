"""The default recordings to separate: mixtures that the network was not trained on."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from components.catalogue.catalogue import write_catalogue
from components.catalogue.config import CatalogueConfig
from components.core.base.files import digest_file
from components.core.data.manifest import StemFile, Track, write_manifest
from tests.support.tiny_models import noise

RATE = 8000


def _track(folder: Path, title: str, split: str, seed: int) -> Track:
    stems = {}
    for number, stem in enumerate(("accompaniment", "vocals")):
        path = folder / f"{seed}-{stem}.wav"
        soundfile.write(path, noise(seed + number, 800).T, RATE, "PCM_16")
        stems[stem] = StemFile(stem, path, 0, digest_file(path), 800, RATE, 2)
    return Track(f"made/a - {title}", "a", title, "made", split, stems)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    splits = {"trained": "train", "x": "test", "歌" * 70: "test", "v": "validation", "w": "validation"}
    tracks = [_track(folder, title, split, 10 * number) for number, (title, split) in enumerate(splits.items())]
    write_manifest(folder, tracks)
    return folder


def _config(recordings: int) -> CatalogueConfig:
    return CatalogueConfig(recordings=recordings, rate=RATE, channels=2)


def test_catalogue_takes_test_tracks_first_then_validation(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    names = [path.name for path in write_catalogue(_config(9), data, out)]
    assert names == ["a - x.flac", f"a - {'歌' * 70}.flac", "a - v.flac", "a - w.flac"]
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    samples, rate = soundfile.read(out / "a - x.flac")
    expected = noise(10, 800) + noise(11, 800)
    assert rate == RATE
    assert np.abs(samples.T - expected).max() < 4 / 2**16


def test_catalogue_keeps_existing_files_and_deletes_others(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_catalogue(_config(3), data, out)
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    write_catalogue(_config(1), data, out)
    assert [path.name for path in out.iterdir()] == ["a - x.flac"]
    assert (out / "a - x.flac").stat().st_mtime_ns == before["a - x.flac"]
