"""Downloads resume where they broke off, and only correct bytes become a file."""

import hashlib
import time
from pathlib import Path

import numpy as np
import pytest

from components.acquire.files.download import Remote, fetch, require_space
from components.core.base.errors import UserError
from tests.components.acquire.conftest import UnreliableServer

BODY = np.random.default_rng(3).bytes(3_000_000)


def _remote(line: UnreliableServer, body: bytes = BODY) -> Remote:
    line.files["file.zip"] = body
    return Remote(f"{line.url}/file.zip", len(BODY), hashlib.md5(BODY).hexdigest())


def test_download_resumes_after_every_cut(line: UnreliableServer, tmp_path: Path) -> None:
    remote = _remote(line)
    line.cut, line.cuts = 1_000_000, 2
    path = fetch(remote, tmp_path / "file.zip", pause=0.01)
    assert path.read_bytes() == BODY
    starts = [int(asked.removeprefix("bytes=").rstrip("-")) for asked in line.ranges if asked]
    assert len(starts) == 3
    # no received packet is requested again
    assert 900_000 < starts[1] <= 1_000_000
    assert 1_900_000 < starts[2] <= 2_000_000
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.zip"]


def test_download_resumes_in_a_new_process(line: UnreliableServer, tmp_path: Path) -> None:
    (tmp_path / "file.zip.part").write_bytes(BODY[:1_234_567])
    fetch(_remote(line), tmp_path / "file.zip", pause=0.01)
    assert line.ranges == ["bytes=1234567-"]
    assert (tmp_path / "file.zip").read_bytes() == BODY


def test_download_starts_over_on_a_server_without_ranges(line: UnreliableServer, tmp_path: Path) -> None:
    line.ignores_ranges = True
    (tmp_path / "file.zip.part").write_bytes(b"x" * 1000)
    assert fetch(_remote(line), tmp_path / "file.zip", pause=0.01).read_bytes() == BODY


def test_download_does_not_request_a_complete_file(line: UnreliableServer, tmp_path: Path) -> None:
    (tmp_path / "file.zip").write_bytes(BODY)
    fetch(_remote(line), tmp_path / "file.zip")
    assert line.ranges == []


def test_download_deletes_a_file_with_a_wrong_checksum(line: UnreliableServer, tmp_path: Path) -> None:
    remote = _remote(line, b"x" * len(BODY))
    with pytest.raises(UserError, match=r"has the MD5 .* but should have"):
        fetch(remote, tmp_path / "file.zip", pause=0.01)
    assert list(tmp_path.iterdir()) == []
    assert fetch(_remote(line), tmp_path / "file.zip", pause=0.01).read_bytes() == BODY


def test_download_refuses_a_longer_file(line: UnreliableServer, tmp_path: Path) -> None:
    fetch(_remote(line, BODY + b"more"), tmp_path / "file.zip", pause=0.01)
    assert (tmp_path / "file.zip").read_bytes() == BODY


def test_shorter_file_is_a_user_error(line: UnreliableServer, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is shorter than"):
        fetch(_remote(line, BODY[:-5]), tmp_path / "file.zip", pause=0.01)


def test_download_gives_up_on_a_silent_server_and_keeps_its_part(line: UnreliableServer, tmp_path: Path) -> None:
    remote = _remote(line)
    line.cut, line.cuts = 0, 1000
    (tmp_path / "file.zip.part").write_bytes(BODY[:2_000_000])
    with pytest.raises(UserError, match="start again to continue at 2 MB"):
        fetch(remote, tmp_path / "file.zip", pause=0.001)
    assert (tmp_path / "file.zip.part").stat().st_size == 2_000_000


def test_unreachable_server_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be downloaded"):
        fetch(Remote("http://127.0.0.1:9/file.zip", 10, None), tmp_path / "file.zip", pause=0.001)


@pytest.mark.parametrize(
    ("status", "says"), [(403, "answers 403"), (404, "answers 404"), (503, "cannot be downloaded")]
)
def test_refused_download_says_what_to_do(line: UnreliableServer, tmp_path: Path, status: int, says: str) -> None:
    remote = _remote(line)
    line.status = status
    with pytest.raises(UserError, match=says) as caught:
        fetch(remote, tmp_path / "file.zip", pause=0.001)
    assert "MUSDB_PATH" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_download_shows_progress(
    line: UnreliableServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter(range(0, 10_000, 10))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    fetch(_remote(line), tmp_path / "file.zip")
    assert "download file.zip: 1" in capsys.readouterr().err


def test_too_small_a_disk_is_reported_before_the_download(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="GB left"):
        require_space(tmp_path, 10**18, "downloading x")
