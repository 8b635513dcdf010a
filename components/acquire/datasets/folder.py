"""A user's own multitracks, in one of two layouts, each also below `train`, `validation` and `test`:

    a folder a track     <track>/vocals.wav, <track>/drums.flac … (or vocals and accompaniment, or vocals and mixture)
    a folder a stem      vocals/<track>.opus, accompaniment/<track>.opus …

The folder may lie in a bucket (s3://bucket/folder). Artist and title come from the track's name (`Artist - Title`,
`Artist_rest`) or from an optional tracks.csv.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from components.acquire.config import AcquireConfig
from components.acquire.datasets.collection import Collection, SourceStem, SourceTrack
from components.acquire.datasets.folder_table import TABLE, FolderTable, read_table
from components.acquire.files.names import artist_and_title, clean, key, unique_names
from components.core.base.errors import UserError
from components.core.data.data_problems import Kind, Problem
from components.core.data.manifest import MIXTURE, SPLITS
from components.core.sound.decoding import SUFFIXES
from components.core.stores.store import S3

DATASET = "folder"
VOCALS, ACCOMPANIMENT = "vocals", "accompaniment"
ALIASES = {
    **dict.fromkeys(("vocal", "voice", "vox"), VOCALS),
    **dict.fromkeys(("instrumental", "karaoke", "no_vocals", "backing"), ACCOMPANIMENT),
    "mix": MIXTURE,
}
"""Other names of the three stems that have a meaning; every other name is a stem of its own."""

_IGNORED = frozenset({"readme.md", TABLE})


@dataclass(frozen=True)
class _Candidate:
    """A track's name, the split it lies in, its audio files by the stem they are called."""

    name: str
    split: str | None
    files: tuple[tuple[str, Path], ...]


def find(config: AcquireConfig, scratch: Path) -> Collection:
    """List the multitracks in `config.folder`; raises UserError when there is no such folder or no track in it.

    Those of a bucket are fetched to `scratch`.
    """
    root = _root(config.folder, scratch)
    if not root.is_dir():
        raise UserError(f"{root} (acquire.folder) is not a folder: put your multitracks there or set the parameter")
    table = read_table(root)
    problems: list[Problem] = []
    candidates = [candidate for base, split in _bases(root) for candidate in _candidates(base, split, root, problems)]
    if not candidates:
        raise UserError(
            f"{config.folder} (acquire.folder) has no multitrack in it: it needs <track>/vocals.wav or "
            "vocals/<track>.wav"
        )
    labels = [_label(candidate, table) for candidate in candidates]
    names = unique_names(artist if artist == title else f"{artist} - {title}" for artist, title in labels)
    tracks = []
    for candidate, name, (artist, title) in zip(candidates, names, labels, strict=True):
        row = table.row(candidate.name)
        split = row.split or candidate.split
        if stems := _stems(candidate, f"{DATASET}/{name}", problems):
            tracks.append(SourceTrack(DATASET, name, artist, title, split, stems, row.genre))
    problems += table.unmatched(candidate.name for candidate in candidates)
    note = f"{len(tracks)} tracks in {config.folder}"
    return Collection(
        DATASET, tuple(tracks), config.folder_validation_share, config.folder_test_share, tuple(problems), note
    )


def _root(folder: str, scratch: Path) -> Path:
    if not folder.startswith(S3):
        return Path(folder).expanduser()
    from components.acquire.datasets.folder_mirror import mirrored  # its client of S3 takes long to import

    return mirrored(folder, scratch)


def _bases(root: Path) -> Iterator[tuple[Path, str | None]]:
    """Yield the folder itself and those in it that are called like a split (and are not a track so called)."""
    yield root, None
    for path in _listed(root):
        if path.name.lower() in SPLITS and path.is_dir() and not _audio_files(path):
            yield path, path.name.lower()


def _candidates(base: Path, split: str | None, root: Path, problems: list[Problem]) -> list[_Candidate]:
    bases = {path for path, _ in _bases(root)}
    entries = [path for path in _listed(base) if path not in bases]
    for path in entries:
        if not path.is_dir() and path.name.lower() not in _IGNORED:
            problems.append(_not_a_track(path, root, "a file beside the tracks; every track is a folder of stems"))
    folders = [path for path in entries if path.is_dir()]
    if any(stem_name(path.name) == VOCALS and _audio_files(path) for path in folders):
        return _by_stem(folders, split, root, problems)
    return [candidate for path in folders for candidate in _by_track(path, split, root, problems)]


def _by_track(folder: Path, split: str | None, root: Path, problems: list[Problem]) -> list[_Candidate]:
    files = _audio_files(folder)
    if not files:
        problems.append(_not_a_track(folder, root, "a folder without audio files"))
        return []
    return [_Candidate(clean(folder.name), split, tuple((stem_name(path.stem), path) for path in files))]


def _by_stem(folders: list[Path], split: str | None, root: Path, problems: list[Problem]) -> list[_Candidate]:
    found: dict[str, list[tuple[str, Path]]] = {}
    for folder in folders:
        files = _audio_files(folder)
        if not files:
            problems.append(_not_a_track(folder, root, "a folder without audio files"))
        for path in files:
            found.setdefault(clean(path.stem), []).append((stem_name(folder.name), path))
    return [_Candidate(name, split, tuple(files)) for name, files in sorted(found.items())]


def _stems(candidate: _Candidate, track: str, problems: list[Problem]) -> tuple[SourceStem, ...]:
    """Return the track's stems; none, and a problem, when they do not make a multitrack."""
    stems = dict(candidate.files)
    if len(stems) < len(candidate.files):
        names = ", ".join(sorted(path.name for _, path in candidate.files))
        problems.append(Problem(track, DATASET, "", Kind.TWICE, f"keep one file a stem of {names}", False))
        return ()
    if VOCALS not in stems:
        has = ", ".join(stems)
        problems.append(
            Problem(track, DATASET, VOCALS, Kind.NO_VOCALS, f"it has {has}; call the voice 'vocals'", False)
        )
        return ()
    if len(stems) == 1:
        problems.append(
            Problem(track, DATASET, "", Kind.ONLY_VOCALS, "add an accompaniment, stems or a mixture", False)
        )
        return ()
    if ACCOMPANIMENT in stems:
        # With the accompaniment there, its parts would count twice in a sum of all stems.
        for part in sorted(stems.keys() - {VOCALS, ACCOMPANIMENT, MIXTURE}):
            del stems[part]
            problems.append(Problem(track, DATASET, part, Kind.NOT_READ, "taken for a part of the accompaniment", True))
    return tuple(SourceStem(stem, path) for stem, path in sorted(stems.items()))


def _label(candidate: _Candidate, table: FolderTable) -> tuple[str, str]:
    artist, title = artist_and_title(candidate.name)
    row = table.row(candidate.name)
    return row.artist or artist, row.title or title


def stem_name(name: str) -> str:
    """Return the stem that a file or folder called `name` holds."""
    plain = key(name)
    return ALIASES.get(plain, plain)


def _listed(folder: Path) -> list[Path]:
    """Return what lies in `folder` but for hidden names, in an order that no file system decides."""
    paths = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(paths, key=lambda path: (clean(path.name), path.name))


def _audio_files(folder: Path) -> list[Path]:
    return [path for path in _listed(folder) if path.suffix.lower() in SUFFIXES and path.is_file()]


def _not_a_track(path: Path, root: Path, detail: str) -> Problem:
    name = clean(path.relative_to(root).as_posix())
    return Problem(f"{DATASET}/{name}", DATASET, "", Kind.NOT_A_TRACK, detail, False)
