"""Copies of the audio files in the output folder, byte for byte."""

import errno
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.acquire.datasets.collection import SourceTrack
from components.acquire.files.track_names import safe_name, safe_names
from components.core.base.files import digest_file, whole_file

_BLOCK = 1 << 30
_UNSUPPORTED = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ETXTBSY)


@dataclass(frozen=True)
class FileCopy:
    """A file to copy, and its new path."""

    source: Path
    target: Path


def plan_copies(tracks: Mapping[str, SourceTrack], folder: Path) -> list[FileCopy]:
    """Return a copy below `folder` for every file of `tracks`, which are named `<dataset>/<track>`.

    A file that holds all stems becomes `<dataset>/<track>.<suffix>`; else each becomes
    `<dataset>/<track>/<stem>.<suffix>`.
    """
    places: dict[str, Path] = {}
    for dataset in {track.dataset for track in tracks.values()}:
        names = {name: name.removeprefix(f"{dataset}/") for name, track in tracks.items() if track.dataset == dataset}
        safe = safe_names(names.values())
        places |= {name: folder / dataset / safe[bare] for name, bare in names.items()}
    targets: dict[Path, Path] = {}
    for name, track in tracks.items():
        place = places[name]
        if len({stem.path for stem in track.stems}) == 1:
            path = track.stems[0].path
            targets[path] = place.with_name(place.name + _suffix(path))
            continue
        for stem in track.stems:
            targets[stem.path] = place / f"{safe_name(stem.stem)}{_suffix(stem.path)}"
    return [FileCopy(source, target) for source, target in targets.items()]


def copy_file(copy: FileCopy) -> str:
    """Copy a file and return the SHA-256 of the copy; file systems that support it share the blocks."""
    with whole_file(copy.target) as partial:
        if not _copy_by_kernel(copy.source, partial):
            shutil.copyfile(copy.source, partial)
    return digest_file(copy.target)


def _copy_by_kernel(source: Path, target: Path) -> bool:
    """Copy with copy_file_range; return whether the system supports it for these files."""
    if not hasattr(os, "copy_file_range"):
        return False
    with source.open("rb") as reading, target.open("wb") as writing:
        try:
            while os.copy_file_range(reading.fileno(), writing.fileno(), _BLOCK):
                pass
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                return False
            raise
        # some virtual file systems report the end of a file at once
        return os.fstat(writing.fileno()).st_size == os.fstat(reading.fileno()).st_size


def _suffix(path: Path) -> str:
    return ".stem.mp4" if path.name.lower().endswith(".stem.mp4") else path.suffix.lower()
