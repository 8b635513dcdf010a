"""Mirrors of a real bucket: each file is fetched once, also after a kill."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from components.acquire.datasets import folder_mirror
from components.acquire.datasets.folder import find
from components.acquire.datasets.folder_mirror import mirror_bucket
from components.core.base.errors import UserError
from components.core.stores.bucket import BucketStore
from components.core.stores.selection import ListedFile
from tests.components.acquire.acquire_params import acquire_config
from tests.support.bucket import NAME, Bucket
from tests.support.tiny_models import environment

pytestmark = pytest.mark.system

ADDRESS = f"s3://{NAME}/multitracks"


@pytest.fixture
def full(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """The bucket with two multitracks and a table."""
    for name, value in bucket.variables.items():
        monkeypatch.setenv(name, value)
    music = tmp_path / "music"
    for track in ("Ann - One", "Bob - Two"):
        (music / track).mkdir(parents=True)
        for stem in ("vocals", "drums"):
            (music / track / f"{stem}.wav").write_bytes(f"{track} {stem}".encode())
    (music / "tracks.csv").write_text("track,genre\nAnn - One,folk\n")
    bucket.put(music, "multitracks")
    return bucket


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys that are fetched from the bucket."""
    keys: list[str] = []
    fetch = BucketStore.fetch

    def counted(store: BucketStore, entry: ListedFile, folder: Path) -> Path:
        keys.append(entry.key)
        return fetch(store, entry, folder)

    monkeypatch.setattr(BucketStore, "fetch", counted)
    return keys


def _contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_mirror_fetches_changed_files_only(full: Bucket, tmp_path: Path, fetched: list[str]) -> None:
    first = mirror_bucket(ADDRESS, tmp_path / "scratch")
    before = _contents(first)
    assert set(before) == set(fetched)
    assert before["Bob - Two/drums.wav"] == "Bob - Two drums"
    assert mirror_bucket(ADDRESS, tmp_path / "scratch") == first
    assert len(fetched) == 5
    (tmp_path / "new.wav").write_text("Bob sings anew")
    full.put(tmp_path / "new.wav", "multitracks/Bob - Two/vocals.wav")
    second = mirror_bucket(ADDRESS, tmp_path / "scratch")
    assert fetched[5:] == ["Bob - Two/vocals.wav"]
    assert _contents(second) == before | {"Bob - Two/vocals.wav": "Bob sings anew"}
    assert _contents(first) == before  # another run may still read it
    assert (first / "Ann - One" / "vocals.wav").samefile(second / "Ann - One" / "vocals.wav")
    for listing in second.parents[1].glob("*/listing.json"):
        os.utime(listing, (0, 0))
    assert mirror_bucket(ADDRESS, tmp_path / "scratch") == second
    assert not first.exists()


def test_mirror_copies_where_links_fail(full: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    first = mirror_bucket(ADDRESS, tmp_path / "scratch")
    (tmp_path / "new.wav").write_text("Bob sings anew")
    full.put(tmp_path / "new.wav", "multitracks/Bob - Two/vocals.wav")
    monkeypatch.setattr("os.link", no_links)
    second = mirror_bucket(ADDRESS, tmp_path / "scratch")
    assert _contents(second) == _contents(first) | {"Bob - Two/vocals.wav": "Bob sings anew"}


def test_find_lists_the_tracks_of_a_bucket(full: Bucket, tmp_path: Path) -> None:
    config = acquire_config(datasets=["folder"], folder=ADDRESS)
    collection = find(config, tmp_path / "scratch")
    assert [(track.artist, track.title, track.genre) for track in collection.tracks] == [
        ("Ann", "One", "folk"),
        ("Bob", "Two", ""),
    ]
    assert collection.note == f"2 tracks in {ADDRESS}"


MIRROR = "import sys; from pathlib import Path; from components.acquire.datasets.folder_mirror import mirror_bucket\n"
SLOW = """
import time
from components.core.stores.bucket import BucketStore
fetch = BucketStore.fetch
def slow(store, entry, folder):
    path = fetch(store, entry, folder)
    print(entry.key, flush=True)
    time.sleep(0.5)
    return path
BucketStore.fetch = slow
mirror_bucket(sys.argv[1], Path(sys.argv[2]))
"""


def test_killed_mirror_continues(full: Bucket, tmp_path: Path, fetched: list[str]) -> None:
    scratch = tmp_path / "scratch"
    command = [sys.executable, "-c", MIRROR + SLOW, ADDRESS, str(scratch)]
    with subprocess.Popen(command, env=environment(**full.variables), stdout=subprocess.PIPE, text=True) as job:
        assert job.stdout is not None
        seen = [job.stdout.readline() for _ in range(3)]
        job.send_signal(signal.SIGKILL)
    assert all(seen)
    folder = mirror_bucket(ADDRESS, scratch)
    assert len(_contents(folder)) == 5
    assert set(fetched).isdisjoint({name.strip() for name in seen[:2]})  # the kill came before the third file was moved
    assert not (folder.parent / "landing").exists()


def test_unusable_bucket_is_a_user_error(full: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    with pytest.raises(UserError, match=rf"{ADDRESS}/none holds nothing"):
        mirror_bucket(f"{ADDRESS}/none", scratch)
    (tmp_path / "file").write_text("a file")
    full.put(tmp_path / "file", "multitracks/Ann - One/vocals.wav/more")
    with pytest.raises(UserError, match=r"holds 'Ann - One/vocals.wav/more', which can't be a file in a folder"):
        mirror_bucket(ADDRESS, scratch)
    monkeypatch.setattr(folder_mirror, "PATIENCE", 1.0)
    full.stop()
    with pytest.raises(UserError, match="AWS_ENDPOINT_URL"):
        mirror_bucket(ADDRESS, scratch)


def test_keys_that_leave_the_folder_are_refused(tmp_path: Path) -> None:
    for key in ("../out.wav", "/etc/out.wav", "a//b.wav", "a/../../b.wav", "./a.wav"):
        with pytest.raises(UserError, match="can't be a file in a folder"):
            folder_mirror.require_file_names(ADDRESS, [key])
