"""The whole step: it reads files, and writes tracks, manifest, problems and summary."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.acquire.acquire import acquire
from components.acquire.config import AcquireConfig
from components.core.base.errors import UserError
from components.core.base.files import digest_file, digest_folder
from components.core.data.manifest import read_manifest, read_mixture, read_targets
from tests.components.acquire.acquire_params import PARAMS, acquire_config

ROOT = Path(__file__).parents[3]
Write = Callable[..., Path]


@pytest.fixture
def home(song: Write, write: Write, tmp_path: Path) -> Path:
    """A user's folder: six good tracks (one with an extra stem), a broken one, and other files."""
    home = tmp_path / "home"
    for number, artist in enumerate(("Can", "李", "Björk", "Земфира", "Air")):
        song(home / f"{artist} - Song", seed=number)
    song(home / "Can - Other: Song?", seed=9, stems=("vocals", "drums", "bass"), mixture=True)
    (song(home / "Broken - Song") / "vocals.wav").write_bytes(b"not audio")
    write(song(home / "Karaoke - Song", stems=("drums", "bass")) / "vocals.wav", samples=np.zeros((66_150, 1)))
    (home / "cover.png").write_bytes(b"png")
    return home


def _config(home: Path, **changes: object) -> AcquireConfig:
    values = {"datasets": ["folder"], "folder": str(home), "folder_validation_share": 0.2, "folder_test_share": 0.2}
    return acquire_config(**values | changes)


def _artists(out: Path) -> dict[str, set[str]]:
    splits = defaultdict(set)
    for track in read_manifest(out):
        splits[track.artist].add(track.split)
    return splits


@pytest.mark.slow
def test_acquire_writes_tracks_manifest_problems_and_summary(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    acquire(_config(home), out, tmp_path / "scratch")
    tracks = read_manifest(out)
    assert len(tracks) == 7
    assert all(len(splits) == 1 for splits in _artists(out).values())
    assert {track.split for track in tracks} == {"train", "validation", "test"}
    for track in tracks:
        for stem in track.stems.values():
            assert digest_file(stem.path) == stem.sha256
            assert (stem.samples, stem.rate) == (66_150, 44_100)
    problems = pd.read_csv(out / "problems.csv", keep_default_na=False)
    assert dict(zip(problems["track"], problems["problem"], strict=True)) == {
        "folder/Broken - Song": "unreadable",
        "folder/Karaoke - Song": "silent",
        "folder/cover.png": "not a track",
    }
    summary = json.loads((out / "summary.json").read_text())
    assert sum(summary["tracks"].values()) == 7
    assert summary["left_out"] == {"tracks": 1, "unreadable": 1}
    assert summary["not_tracks"] == 1
    output = capsys.readouterr().out
    assert "left out: folder/Broken - Song: vocals: unreadable" in output
    assert "not a track: folder/cover.png" in output
    assert "1 tracks left out, 1 used with a warning" in output


def test_manifest_gives_targets_that_add_up_to_the_mixture(home: Path, tmp_path: Path) -> None:
    acquire(_config(home), tmp_path / "out", tmp_path / "scratch")
    for track in read_manifest(tmp_path / "out"):
        targets = read_targets(track, ("vocals", "accompaniment"), 44_100, 2)
        assert targets.shape == (2, 2, 66_150)
        assert np.abs(targets.sum(axis=0) - read_mixture(track, 44_100, 2)).max() < 1e-6


@pytest.mark.slow
def test_same_inputs_give_the_same_bytes(home: Path, tmp_path: Path) -> None:
    acquire(_config(home), tmp_path / "one", tmp_path / "scratch")
    acquire(_config(home), tmp_path / "two", tmp_path / "scratch")
    assert digest_folder(tmp_path / "one") == digest_folder(tmp_path / "two")
    (tmp_path / "one" / "summary.json").unlink()  # the run after a killed one
    (tmp_path / "one" / ".manifest.x.partial.csv").touch()
    acquire(_config(home), tmp_path / "one", tmp_path / "scratch")
    assert digest_folder(tmp_path / "one") == digest_folder(tmp_path / "two")


def test_acquire_keeps_foreign_files(home: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("precious")
    with pytest.raises(UserError, match=r"thesis\.txt"):
        acquire(_config(home), tmp_path / "out", tmp_path / "scratch")
    assert (tmp_path / "out" / "thesis.txt").exists()


def test_acquire_without_test_track_is_a_user_error_and_writes_problems(home: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no track is left for the split 'test'"):
        acquire(_config(home, folder_test_share=0.0), tmp_path / "out", tmp_path / "scratch")
    assert (tmp_path / "out" / "problems.csv").is_file()


def test_acquire_leaves_silent_vocals_out_of_the_test_split(home: Path, tmp_path: Path) -> None:
    (home / "test").mkdir()
    (home / "Karaoke - Song").rename(home / "test" / "Karaoke - Song")
    (home / "Air - Song").rename(home / "test" / "Air - Song")
    acquire(_config(home), tmp_path / "out", tmp_path / "scratch")
    assert [track.name for track in read_manifest(tmp_path / "out", "test")] == ["folder/Air - Song"]
    problems = pd.read_csv(tmp_path / "out" / "problems.csv")
    assert "cannot be scored" in set(problems["problem"])


@pytest.mark.slow
def test_command_reads_params_and_prints_one_line_for_a_mistake(home: Path, tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    params.write_text(json.dumps({"acquire": PARAMS | {"datasets": ["folder"], "folder": str(home)}}))
    command = [sys.executable, "-m", "components.acquire", "--out", str(tmp_path / "out")]
    command += ["--scratch", str(tmp_path / "scratch")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "dataset" in done.stdout) == (0, True), done.stderr
    params.write_text(json.dumps({"acquire": PARAMS | {"datasets": ["folder"], "folder": "/nowhere"}}))
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("stemline: /nowhere (acquire.folder) is not a folder")


@pytest.mark.slow
def test_acquire_combines_demo_and_folder(home: Path, tmp_path: Path) -> None:
    config = _config(home, datasets=["demo", "folder"], folder_test_share=0.0, demo_songs=3, demo_seconds=4.0)
    acquire(config, tmp_path / "out", tmp_path / "scratch")
    tracks = read_manifest(tmp_path / "out")
    assert [track.name for track in tracks if track.split == "test"] == ["demo/The Easton Ellises - Falcon 69"]
    assert {track.dataset for track in tracks if track.split == "train"} == {"demo", "folder"}


@pytest.mark.slow
def test_acquire_combines_musdb18_excerpts_and_a_folder(
    musdb18_7: Path, mir_1k: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSDB_PATH", str(musdb18_7))
    some = tmp_path / "karaoke"
    for stem in ("vocals", "accompaniment"):
        (some / stem).mkdir(parents=True)
        for path in sorted((mir_1k / stem).glob("*_01.opus"))[:20]:
            (some / stem / path.name).symlink_to(path)
    config = _config(some, datasets=["musdb18-7s", "folder"], folder_validation_share=0.0, folder_test_share=0.0)
    acquire(config, tmp_path / "out", tmp_path / "scratch")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["datasets"]["folder"] == {"train": 20, "validation": 0, "test": 0}
    assert summary["datasets"]["musdb18-7s"] == {"train": 82, "validation": 8, "test": 25}
    assert all(len(splits) == 1 for splits in _artists(tmp_path / "out").values())
    problems = pd.read_csv(tmp_path / "out" / "problems.csv")
    assert sorted(problems.loc[~problems["used"], "track"].str.removeprefix("musdb18-7s/")) == [
        "Hollow Ground - Left Blind",
        "Skelpolu - Human Mistakes",
        "Skelpolu - Together Alone",
        "The Long Wait - Back Home To Blue",
    ]
    assert "musdb18-7s/PR - Oh No" in set(problems["track"])
