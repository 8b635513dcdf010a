"""Files are complete or absent, also after kill -9, and a digest changes with any byte."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.core.base.files import digest_file, digest_folder, digest_parts, whole_file, write_json, write_text
from tests.support.tiny_models import environment


def test_whole_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "song.wav"
    with whole_file(path) as partial:
        partial.write_bytes(b"samples")
        assert not path.exists()
        assert partial.suffix == ".wav"
        assert partial.parent == path.parent
    assert path.read_bytes() == b"samples"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


def _stop_in_the_middle(path: Path) -> None:
    with whole_file(path) as partial:
        partial.write_text("new, half of i")
        raise RuntimeError


def test_whole_file_keeps_the_old_file_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "old")
    with pytest.raises(RuntimeError):
        _stop_in_the_middle(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("stem", ["a" * 250, "歌" * 83, "🎵" * 62])
def test_whole_file_accepts_names_of_the_maximum_length(tmp_path: Path, stem: str) -> None:
    path = tmp_path / f"{stem}.wav"
    write_text(path, "x")
    assert path.read_text() == "x"


@pytest.mark.parametrize("before", [None, b"old"])
def test_whole_file_survives_kill_9(tmp_path: Path, before: bytes | None) -> None:
    path = tmp_path / "big.bin"
    if before is not None:
        path.write_bytes(before)
    code = (
        "import sys\nfrom pathlib import Path\nfrom components.core.base.files import whole_file\n"
        "with whole_file(Path(sys.argv[1])) as partial, partial.open('wb') as file:\n"
        "    while True:\n        file.write(b'new' * 10000)\n        print(file.tell(), flush=True)\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], env=environment(), stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    for _ in range(20):
        assert int(writer.stdout.readline()) > 0
    os.kill(writer.pid, signal.SIGKILL)
    writer.stdout.close()
    assert writer.wait() == -signal.SIGKILL
    assert (path.read_bytes() if path.exists() else None) == before
    write_text(path, "again")
    assert path.read_text() == "again"


def test_readers_never_see_a_partial_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    texts = ["a" * 100_000, "b" * 200_000]
    write_text(path, texts[0])
    code = (
        "import sys\nfrom pathlib import Path\nfrom components.core.base.files import write_text\n"
        "for _ in range(60):\n"
        "    write_text(Path(sys.argv[1]), 'b' * 200_000)\n    write_text(Path(sys.argv[1]), 'a' * 100_000)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(path)], env=environment())
    seen = set()
    while writer.poll() is None:
        seen.add(path.read_text())
        time.sleep(0.001)
    assert writer.returncode == 0
    assert seen <= set(texts)


def test_json_has_the_same_bytes_for_the_same_content(tmp_path: Path) -> None:
    write_json(tmp_path / "a", {"b": 1, "a": "Ğ歌"})
    write_json(tmp_path / "b", {"a": "Ğ歌", "b": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert "Ğ歌" in (tmp_path / "a").read_text(encoding="utf-8")


def test_digest_changes_with_the_content(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert digest_file(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest_parts(["ab", "c"]) != digest_parts(["a", "bc"])
    assert digest_parts(["a", "b"]) != digest_parts(["b", "a"])


def test_digest_of_a_folder_depends_on_names_and_contents_only(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a").write_text("1")
    (folder / "b").write_text("2")
    first = digest_folder(folder)
    os.utime(folder / "b", (0, 0))
    assert digest_folder(folder) == first
    (folder / "b").rename(folder / "c")
    renamed = digest_folder(folder)
    (folder / "c").write_text("3")
    assert len({first, renamed, digest_folder(folder)}) == 3
    assert digest_folder(folder, "a") != digest_folder(folder)
