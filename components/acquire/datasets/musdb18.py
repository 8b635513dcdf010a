"""MUSDB18 in its three editions: 7-second excerpts, full songs as stem.mp4, and full songs as WAV (HQ).

Layout and stream numbers come from the musdb package's description. Its loader does not list the folder here: it stops
at the first file that ffprobe cannot read, while `acquire` reports such a file and leaves it out.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from components.acquire.config import AcquireConfig, DatasetName
from components.acquire.datasets.collection import Collection, SourceStem, SourceTrack
from components.acquire.files.archives import unpack
from components.acquire.files.download import Remote, fetch
from components.acquire.files.track_names import artist_and_title, clean_name
from components.core.base.errors import UserError
from components.core.sound import ffmpeg

MUSDB_PATH = "MUSDB_PATH"
MIRROR = "STEMLINE_MUSDB_MIRROR"
"""Environment variable: URL of a folder with the archives, under their own names, instead of Zenodo and GitHub."""

_STEM_MP4 = ".stem.mp4"
_MAX_EXCERPT_SECONDS = 10.0  # excerpts have 6 to 7 s, the shortest full song 13 s
_PROBED_TRACKS = 9
_GIGABYTE = 10**9


@dataclass(frozen=True)
class Edition:
    """An edition: its archive, and the tracks that a complete copy has.

    url      None: the URL that the musdb package names
    size     bytes of the archive
    limit    largest number of bytes that the archive may unpack to
    """

    dataset: DatasetName
    archive: str
    url: str | None
    size: int
    md5: str | None
    limit: int
    train: int
    test: int
    is_wav: bool = False
    is_excerpts: bool = False


EDITIONS: Mapping[DatasetName, Edition] = {
    # no checksum of the excerpts is published: their size and the checksums in the zip file are verified
    "musdb18-7s": Edition(
        "musdb18-7s", "MUSDB18-7-STEMS.zip", None, 147_209_385, None, _GIGABYTE, 94, 50, is_excerpts=True
    ),
    # sizes and MD5 from Zenodo's records 1117372 and 3338373
    "musdb18": Edition(
        "musdb18",
        "musdb18.zip",
        "https://zenodo.org/records/1117372/files/musdb18.zip?download=1",
        4_684_228_845,
        "af06762477334799bfc5abf237648207",
        12 * _GIGABYTE,
        100,
        50,
    ),
    "musdb18-hq": Edition(
        "musdb18-hq",
        "musdb18hq.zip",
        "https://zenodo.org/records/3338373/files/musdb18hq.zip?download=1",
        22_656_664_047,
        "12d4f2ecd55245a4688754dd76363103",
        60 * _GIGABYTE,
        100,
        50,
        is_wav=True,
    ),
}


def find(edition: Edition, config: AcquireConfig, scratch: Path) -> Collection:
    """List `edition` in MUSDB_PATH where that is set, else in `scratch`, after downloading it if necessary."""
    setup = musdb_setup()
    local = os.environ.get(MUSDB_PATH)
    root = Path(local).expanduser() if local else _download(edition, setup, scratch)
    if local:
        _require_layout(edition, root)
    tracks = tuple(_tracks(edition, setup, root))
    _require_lengths(edition, root, tracks)
    counts = {split: sum(track.split == split for track in tracks) for split in (None, "test")}
    note = f"{counts[None]} of {edition.train} training and {counts['test']} of {edition.test} test tracks in {root}"
    return Collection(edition.dataset, tracks, config.validation_share, note=note)


def musdb_setup() -> dict[str, Any]:
    """Return the musdb package's description of the dataset (mus.yaml)."""
    ffmpeg.add_ffmpeg_to_path()
    import musdb  # its import looks for ffmpeg

    setup: dict[str, Any] = musdb.DB(root=os.devnull, subsets=[]).setup
    return setup


def _download(edition: Edition, setup: Mapping[str, Any], scratch: Path) -> Path:
    root = scratch / edition.dataset
    if root.is_dir():
        return root
    mirror = os.environ.get(MIRROR)
    url = f"{mirror.rstrip('/')}/{edition.archive}" if mirror else edition.url or str(setup["sample-url"])
    archive = fetch(Remote(url, edition.size, edition.md5), scratch / edition.archive)
    unpack(archive, root, edition.limit)
    archive.unlink()
    return root


def _tracks(edition: Edition, setup: Mapping[str, Any], root: Path) -> Iterator[SourceTrack]:
    files = {"mixture": str(setup["mixture"]), **setup["sources"]}
    for subset, split in (("train", None), ("test", "test")):
        for path in _entries(edition, root / subset):
            name = clean_name(path.name.removesuffix(_STEM_MP4))
            artist, title = artist_and_title(name)
            if edition.is_wav:
                # the check of the track reports a missing file
                stems = tuple(SourceStem(stem, path / file) for stem, file in files.items())
            else:
                stems = tuple(SourceStem(stem, path, int(setup["stem_ids"][stem])) for stem in files)
            yield SourceTrack(edition.dataset, name, artist, title, split, stems)


def _entries(edition: Edition, folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    if edition.is_wav:
        return [path for path in paths if path.is_dir()]
    return [path for path in paths if path.name.endswith(_STEM_MP4)]


def _require_layout(edition: Edition, root: Path) -> None:
    setting = f"{MUSDB_PATH} is {root}"
    if not root.is_dir():
        raise UserError(
            f"{setting}, which is not a folder: set it to a copy of {edition.dataset}, or unset it to download"
        )
    subsets = [root / name for name in ("train", "test") if (root / name).is_dir()]
    if not subsets:
        raise UserError(f"{setting}, which has neither train nor test in it: set it to the folder that has both")
    if any(_entries(edition, subset) for subset in subsets):
        return
    has_stems = any(next(subset.glob(f"*{_STEM_MP4}"), None) for subset in subsets)
    has_wav = any(next(subset.glob("*/mixture.wav"), None) for subset in subsets)
    found = "stem.mp4 files (musdb18 or musdb18-7s)" if has_stems else "WAV files (musdb18-hq)"
    if not has_stems and not has_wav:
        found = "no tracks"
    raise UserError(
        f"{setting}, which holds {found}, but acquire.datasets asks for {edition.dataset}: change one of the two"
    )


def _require_lengths(edition: Edition, root: Path, tracks: tuple[SourceTrack, ...]) -> None:
    """Raise UserError when the tracks are excerpts and should be full songs, or the reverse: their scores differ."""
    step = max(1, len(tracks) // _PROBED_TRACKS)
    lengths = [length for track in tracks[::step] if (length := _seconds(track.stems[0].path)) is not None]
    if not lengths or (median(lengths) <= _MAX_EXCERPT_SECONDS) == edition.is_excerpts:
        return
    found = "full songs (musdb18)" if edition.is_excerpts else "7-second excerpts (musdb18-7s)"
    raise UserError(
        f"{root} holds {found}, tracks of {median(lengths):.0f} s, but acquire.datasets asks for {edition.dataset}: "
        "change one of the two"
    )


def _seconds(path: Path) -> float | None:
    try:
        return float(ffmpeg.probe_streams(path)[0]["duration"])
    except (UserError, IndexError, KeyError, ValueError):
        return None  # the check of the track reports it as unreadable
