"""Stores, tested with a folder and a real S3 server, and the errors of a store that does not work."""

import os
import threading
from pathlib import Path

import pytest
import soundfile

from components.core.base.errors import UserError
from components.core.stores.opening import AnyStore, folder_within, open_store
from components.core.stores.process_owner import Owner, owner_from_label
from components.core.stores.selection import ListedFile
from components.core.stores.store import RecordingGone, StoreFault
from tests.support.bucket import Bucket

NAMES = (
    "a.wav",
    "Łódź/été, 'live'.wav",
    "歌/🎵 中文.flac",
    "deep/er/still/b.aiff",
    "UPPER.WAV",
    "upper.wav",
    "a+b %41.mp3",
)


def test_recordings_lists_the_audio_files_by_name(store: AnyStore) -> None:
    for name in (*NAMES, "cover.jpg", ".hidden.wav", "_stemline/x.wav"):
        store.write(name, name.encode())
    assert [entry.key for entry in store.recordings()] == sorted(NAMES)
    assert [entry.size for entry in store.recordings()] == [len(name.encode()) for name in sorted(NAMES)]


def test_stamp_changes_with_the_content_only(store: AnyStore) -> None:
    store.write("a.wav", b"1")
    [first] = store.recordings()
    assert store.recordings() == [first]
    store.write("a.wav", b"2")
    [second] = store.recordings()
    assert second != first


def test_recordings_leaves_stems_out(store: AnyStore) -> None:
    for name in ("song.wav", "stems/song.wav/vocals.wav", "stems/song.wav/provenance.json", "stems/other.wav"):
        store.write(name, b"x")
    assert [entry.key for entry in store.recordings()] == ["song.wav", "stems/other.wav"]


def test_written_file_is_read_back(store: AnyStore, tmp_path: Path) -> None:
    for name in NAMES:
        assert store.read(name) is None
        store.write(name, name.encode())
        assert store.read(name) == name.encode()
    with store.staging() as folder:
        for number, name in enumerate(NAMES):
            (folder / f"{number}").write_bytes(b"other")
            store.put(folder / f"{number}", name)
    (tmp_path / "elsewhere").write_bytes(b"third")
    store.put(tmp_path / "elsewhere", NAMES[0])
    assert [store.read(name) for name in NAMES] == [b"third"] + [b"other"] * (len(NAMES) - 1)
    store.delete(NAMES[0])
    store.delete(NAMES[0])
    assert store.read(NAMES[0]) is None
    assert sorted(store.keys()) == sorted(NAMES[1:])


def test_fetch_returns_the_listed_file_or_raises_recording_gone(store: AnyStore, tmp_path: Path) -> None:
    store.write("d/a.wav", b"abc")
    [entry] = store.recordings()
    assert store.fetch(entry, tmp_path).read_bytes() == b"abc"
    store.delete("d/a.wav")
    with pytest.raises(RecordingGone, match="was deleted after it was listed"):
        store.fetch(entry, tmp_path)


def test_only_one_of_several_creators_succeeds(store: AnyStore) -> None:
    for number in range(4):
        created: list[bool] = []
        start = threading.Barrier(8)

        key = f"_stemline/claims/{number}"
        threads = [threading.Thread(target=_create, args=(store, key, who, start, created)) for who in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(created) == [False] * 7 + [True]


def test_created_file_and_its_folders_are_synced_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_disk: set[int] = set()
    fsync = os.fsync

    def noted(handle: int) -> None:
        fsync(handle)
        on_disk.add(os.fstat(handle).st_ino)

    monkeypatch.setattr(os, "fsync", noted)
    root = tmp_path / "new" / "store"
    for key in ("journal/000001.json", "journal/000002.json"):
        on_disk.clear()
        assert open_store(str(root)).create(key, b"entry")
        assert {(root / key).stat().st_ino, (root / "journal").stat().st_ino} <= on_disk
        if key.endswith("1.json"):
            assert {folder.stat().st_ino for folder in (root, tmp_path / "new", tmp_path)} <= on_disk


def _create(store: AnyStore, key: str, who: int, start: threading.Barrier, created: list[bool]) -> None:
    start.wait()
    created.append(store.create(key, f"{who}".encode()))


def test_names_returns_the_files_directly_below_a_key(store: AnyStore) -> None:
    for name in ("a.wav/vocals.wav", "a.wav/deeper/x", "a.wav2/y", "b"):
        store.write(name, b"")
    assert store.names("a.wav") == ["vocals.wav"]
    assert store.names("nowhere") == []


def test_single_recording_is_a_source(store: AnyStore) -> None:
    store.write("d/a.wav", b"abc")
    store.write("d/b.wav", b"abc")
    single = open_store(store.describe("d/a.wav"))
    assert [entry.key for entry in single.recordings()] == ["a.wav"]


def test_folder_within_finds_a_destination_inside_the_source(store: AnyStore) -> None:
    assert folder_within(store, open_store(store.describe("a/b"))) == "a/b/"
    assert folder_within(store, open_store("/somewhere/else")) == ""
    assert folder_within(open_store(store.describe("a")), open_store(store.describe("ab"))) == ""
    with pytest.raises(UserError, match="source and destination are both"):
        folder_within(store, open_store(store.describe("")))


def test_sweep_deletes_the_staging_folders_of_dead_processes(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    with store.staging() as folder:
        (folder / "half").touch()
        dead = folder.parents[1] / Owner(Owner.this().host, 1 << 22, 1.0).label
        (dead / "x").mkdir(parents=True)
    assert dead.is_dir()
    store.sweep()
    assert not (tmp_path / "_stemline" / "staging").exists()


def test_owner_is_read_from_its_label() -> None:
    this = Owner.this()
    assert not this.is_dead
    named = owner_from_label(this.label)
    assert named is not None
    assert (named.host, named.pid, named.is_dead) == (this.host, this.pid, False)
    assert Owner(this.host, this.pid, this.started - 100).is_dead  # another process has the id now
    assert not Owner("elsewhere", 1 << 22, 1.0).is_dead  # unknown: another host
    assert owner_from_label("tmpabc") is None


def test_broken_link_and_empty_folder_are_listed(tmp_path: Path) -> None:
    (tmp_path / "a.wav").symlink_to(tmp_path / "nowhere")
    (tmp_path / "b.wav").mkdir()
    (tmp_path / "c.wav").mkdir()
    (tmp_path / "c.wav" / "song.wav").touch()
    listed = open_store(str(tmp_path)).recordings()
    assert [entry.key for entry in listed] == ["a.wav", "b.wav", "c.wav/song.wav"]


@pytest.mark.slow
def test_store_that_denies_access_or_is_down_is_a_user_error(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in bucket.variables.items():
        monkeypatch.setenv(name, value)

    def says(address: str) -> str:
        with pytest.raises(UserError) as caught:
            open_store(address, patience=1.0).recordings()
        assert len(str(caught.value).splitlines()) == 1
        return str(caught.value)

    assert "check the bucket's name" in says("s3://no-such-bucket/in")
    assert "holds nothing" in says("s3://music/nowhere")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-guess")
    assert "access denied" in says("s3://music/in")
    assert "a-guess" not in says("s3://music/in")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
    bucket.stop()
    assert "is AWS_ENDPOINT_URL right, and the store up?" in says("s3://music/in")


@pytest.mark.slow
def test_store_that_comes_back_in_time_is_retried(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, value in bucket.variables.items():
        monkeypatch.setenv(name, value)
    store = open_store("s3://music/out", patience=60.0)
    store.write("a.txt", b"abc")
    bucket.stop()
    back = threading.Timer(12.0, bucket.start)
    back.start()
    try:
        assert store.read("a.txt") == b"abc"
        store.write("b.txt", b"def")
    finally:
        back.join()
    assert "waiting for the store: s3://music/out/a.txt" in capfd.readouterr().err


def test_fetching_a_deleted_file_of_a_folder_raises_recording_gone(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(RecordingGone):
        open_store(str(tmp_path)).fetch(ListedFile("x/a.wav", 1, "1"), tmp_path)
    assert issubclass(StoreFault, UserError)


@pytest.mark.parametrize("suffix", ["wv", "tta", "mkv", "mov", "m4b", "mp2", "aifc", "wave", "ape", "dsf", "AC3"])
def test_recordings_have_any_name_that_the_decoders_read(store: AnyStore, suffix: str) -> None:
    store.write(f"song.{suffix}", b"x")
    assert [entry.key for entry in store.recordings()] == [f"song.{suffix}"]


def test_recordings_of_a_folder_are_known_by_their_content(tmp_path: Path) -> None:
    for suffix in ("wav", "flac", "ogg", "aiff", "caf", "w64"):
        soundfile.write(tmp_path / f"a.{suffix}", [0.1], 8000)
        (tmp_path / f"a.{suffix}").rename(tmp_path / f"{suffix} without a suffix")
    for name, content in (("text", b"RIFF is a word"), ("photo.heic", b"\0\0\0\x18ftypheic"), ("empty", b"")):
        (tmp_path / name).write_bytes(content)
    selection = open_store(str(tmp_path)).select()
    assert len(selection.recordings) == 6
    assert set(selection.passed_over) == {"text", "photo.heic", "empty"}


def test_a_file_given_by_name_is_a_recording_whatever_it_is_called(store: AnyStore) -> None:
    store.write("d/notes.txt", b"abc")
    assert [entry.key for entry in open_store(store.describe("d/notes.txt")).recordings()] == ["notes.txt"]


def test_linked_folders_are_followed_once(tmp_path: Path) -> None:
    root, outside = tmp_path / "in", tmp_path / "outside"
    for path in (root / "real" / "a.wav", outside / "b.wav", outside / "deep" / "c.wav"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for link, target in (("again", "real"), ("circle", "."), ("linked", "../outside"), ("linked too", "../outside")):
        (root / link).symlink_to(target)
    (outside / "back").symlink_to(root)
    (outside / "broken").symlink_to("nowhere")
    selection = open_store(str(root)).select()
    assert [entry.key for entry in selection.recordings] == ["linked/b.wav", "linked/deep/c.wav", "real/a.wav"]
    repeated = {key for key, why in selection.passed_over.items() if "linked twice or in a circle" in why}
    assert repeated == {"again", "circle", "linked too", "linked/back"}
