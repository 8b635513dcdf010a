"""Downloads of large files over HTTP, which resume after an interruption and are verified at the end."""

import hashlib
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import requests

from components.core.base.errors import UserError
from components.core.base.progress import Progress

_BLOCK = 1 << 20
_PACKET = 1 << 16  # bytes lost, at most, when a connection breaks off
_MEGABYTE = 1e6
_TIMEOUT = (15.0, 60.0)  # seconds to connect, and between packets
_MAX_FAILURES = 6  # in a row, without a single new byte
_MAX_PAUSE = 60.0
# status codes after which another request cannot succeed; any other code of 400 and above may be temporary
_FINAL = frozenset({400, 401, 403, 404, 405, 410, 451})


@dataclass(frozen=True)
class Remote:
    """A file to fetch: its size in bytes, and its MD5 (as Zenodo publishes it) or None."""

    url: str
    size: int
    md5: str | None


class _InterruptedError(Exception):
    """The server did not send the whole file; another request may."""


def fetch(remote: Remote, target: Path, pause: float = 1.0) -> Path:
    """Download `remote` to `target`, continuing from `target`.part, and return `target`.

    `pause` is the wait in seconds after a failure; it doubles with each further one. Raises UserError when the server
    refuses or fails several times in a row, the disk is too small, or the result is not the expected file.
    """
    if target.is_file() and target.stat().st_size == remote.size:
        return target
    part = target.with_name(f"{target.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    part.touch()
    require_space(part.parent, remote.size - part.stat().st_size, f"downloading {remote.url}")
    _complete(remote, part, pause)
    _verify(remote, part)
    part.replace(target)
    return target


def _complete(remote: Remote, part: Path, pause: float) -> None:
    progress = Progress(
        f"download {part.name.removesuffix('.part')}",
        remote.size / _MEGABYTE,
        "MB",
        done=part.stat().st_size / _MEGABYTE,
    )
    failures = 0
    while (before := part.stat().st_size) < remote.size:
        try:
            _request_rest(remote, part, progress)
            reason = "the server closed the connection"
        except (requests.RequestException, _InterruptedError) as error:
            reason = str(error)
        if part.stat().st_size > before:
            failures = 0
            continue
        failures += 1
        if failures == _MAX_FAILURES:
            raise UserError(
                f"{remote.url} cannot be downloaded: {reason}; start again to continue at {before / _MEGABYTE:.0f} MB, "
                "or set MUSDB_PATH to your own copy"
            )
        time.sleep(min(pause * 2 ** (failures - 1), _MAX_PAUSE))


def _request_rest(remote: Remote, part: Path, progress: Progress) -> None:
    start = part.stat().st_size
    # without `identity` a server may compress, and then a range counts compressed bytes
    headers = {"Accept-Encoding": "identity", "Range": f"bytes={start}-"}
    with requests.get(remote.url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
        _require_success(remote, response)
        resumes = response.status_code == requests.codes.partial_content
        if resumes and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise _InterruptedError("the server did not send the requested part")
        if not resumes:
            progress.advance(-start / _MEGABYTE)  # the server sends the whole file
            start = 0
        with part.open("r+b") as file:
            file.seek(start)
            file.truncate()
            _receive(response, file, remote.size - start, progress)


def _receive(response: requests.Response, file: IO[bytes], room: int, progress: Progress) -> None:
    for block in response.iter_content(_PACKET):
        file.write(block[:room])
        progress.advance(min(len(block), room) / _MEGABYTE)
        room -= len(block)
        if room < 0:
            return  # longer than expected: the checksum will fail


def _require_success(remote: Remote, response: requests.Response) -> None:
    if response.status_code in _FINAL:
        raise UserError(
            f"{remote.url} answers {response.status_code} {response.reason}: download it by hand, unpack it, and set "
            "MUSDB_PATH to the folder"
        )
    if response.status_code == requests.codes.requested_range_not_satisfiable:
        raise UserError(f"{remote.url} is shorter than the {remote.size} bytes it should have: use another mirror")
    if response.status_code not in (requests.codes.ok, requests.codes.partial_content):
        raise _InterruptedError(f"the server answers {response.status_code} {response.reason}")


def _verify(remote: Remote, part: Path) -> None:
    if remote.md5 is None:
        return
    digest = hashlib.md5(usedforsecurity=False)
    progress = Progress(f"verify {part.name.removesuffix('.part')}", remote.size / _MEGABYTE, "MB")
    with part.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            progress.advance(len(block) / _MEGABYTE)
    if digest.hexdigest() != remote.md5:
        part.unlink()
        raise UserError(
            f"{remote.url}: the download has the MD5 {digest.hexdigest()}, but should have {remote.md5}; it is "
            "deleted: start again to download it once more"
        )


def require_space(folder: Path, size: int, purpose: str) -> None:
    """Raise UserError when the file system of `folder` has less than `size` bytes left for `purpose`."""
    free = shutil.disk_usage(folder).free
    if size > free:
        raise UserError(
            f"{purpose} takes {size / 1e9:.1f} GB in {folder}, which has {free / 1e9:.1f} GB left: free some, or set "
            "STEMLINE_WORKSPACE to a folder on a larger disk"
        )
