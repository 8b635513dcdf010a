"""Audio files into the output folder: as they arrived, byte for byte, whole or not at all."""

import errno
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.acquire.datasets.collection import SourceTrack
from components.acquire.files.names import safe_name, safe_names
from components.core.base.files import digest_file, whole_file

_AT_ONCE = 1 << 30


@dataclass(frozen=True)
class Transfer:
    """A file to copy, and where to."""

    source: Path
    target: Path


def plan(tracks: Mapping[str, SourceTrack], folder: Path) -> dict[Path, Path]:
    """Return for every file of `tracks` (by their names, `<dataset>/<track>`) where it goes below `folder`.

    One file that holds all stems becomes `<dataset>/<track>.<suffix>`, several `<dataset>/<track>/<stem>.<suffix>`.
    """
    safe: dict[str, str] = {}
    for dataset in {track.dataset for track in tracks.values()}:
        names = [name for name, track in tracks.items() if track.dataset == dataset]
        bare = {name: name.removeprefix(f"{dataset}/") for name in names}
        by_bare = safe_names(bare.values())
        safe |= {name: by_bare[bare[name]] for name in names}
    targets: dict[Path, Path] = {}
    for name, track in tracks.items():
        place = folder / track.dataset / safe[name]
        if len({stem.path for stem in track.stems}) == 1:
            path = track.stems[0].path
            targets[path] = place.with_name(place.name + _suffix(path))
            continue
        for stem in track.stems:
            targets[stem.path] = place / f"{safe_name(stem.stem)}{_suffix(stem.path)}"
    return targets


def copy(transfer: Transfer) -> str:
    """Copy a file and return the SHA-256 of the copy; a file system that can shares the blocks instead."""
    with whole_file(transfer.target) as partial:
        if not _copied_by_kernel(transfer.source, partial):
            shutil.copyfile(transfer.source, partial)
    return digest_file(transfer.target)


def _copied_by_kernel(source: Path, target: Path) -> bool:
    if not hasattr(os, "copy_file_range"):
        return False
    with source.open("rb") as reading, target.open("wb") as writing:
        try:
            while os.copy_file_range(reading.fileno(), writing.fileno(), _AT_ONCE):
                pass
        except OSError as error:
            # another kind of file system, or one that cannot do it
            if error.errno in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ETXTBSY):
                return False
            raise
        # some virtual file systems report the end of a file at once
        return os.fstat(writing.fileno()).st_size == os.fstat(reading.fileno()).st_size


def _suffix(path: Path) -> str:
    return ".stem.mp4" if path.name.lower().endswith(".stem.mp4") else path.suffix.lower()
