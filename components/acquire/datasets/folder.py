"""A user's own multitracks, in one of two layouts, each also below `train`, `validation` and `test`:

    a folder per track   <track>/vocals.wav, <track>/drums.flac … (or vocals and accompaniment, or vocals and mixture)
    a folder per stem    vocals/<track>.opus, accompaniment/<track>.opus …

The folder may lie in a bucket (s3://bucket/folder). Artist and title come from the track's name (`Artist - Title`,
`Artist_rest`) or from an optional tracks.csv.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from components.acquire.config import AcquireConfig
from components.acquire.datasets.collection import Collection, SourceStem, SourceTrack
from components.acquire.datasets.folder_table import TABLE, FolderTable, read_table
from components.acquire.files.track_names import artist_and_title, clean_name, fold_name, number_duplicates
from components.core.base.errors import UserError
from components.core.data.data_problems import Problem, ProblemKind
from components.core.data.manifest import MIXTURE, SPLITS
from components.core.sound.audio_file_recognition import is_recording
from components.core.stores.selection import SYSTEM_FOLDERS
from components.core.stores.store import S3

DATASET = "folder"
VOCALS, ACCOMPANIMENT = "vocals", "accompaniment"
ALIASES = {
    **dict.fromkeys(("vocal", "voice", "vox"), VOCALS),
    **dict.fromkeys(("instrumental", "karaoke", "no_vocals", "backing"), ACCOMPANIMENT),
    "mix": MIXTURE,
}
"""Other names of vocals, accompaniment and mixture; every other name is the name of its own stem."""

_IGNORED = frozenset({"readme.md", TABLE})


@dataclass(frozen=True)
class _Candidate:
    """A possible track: its name, the split that its folder names, and its audio files with their stems' names."""

    name: str
    split: str | None
    files: tuple[tuple[str, Path], ...]


def find(config: AcquireConfig, scratch: Path) -> Collection:
    """List the multitracks in `config.folder`; those of a bucket are fetched to `scratch`.

    Raises UserError when there is no such folder, or no track in it.
    """
    root = _local_folder(config.folder, scratch)
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
    labels = [_artist_and_title(candidate, table) for candidate in candidates]
    names = number_duplicates(artist if artist == title else f"{artist} - {title}" for artist, title in labels)
    tracks = []
    for candidate, name, (artist, title) in zip(candidates, names, labels, strict=True):
        row = table.row(candidate.name)
        if stems := _stems(candidate, f"{DATASET}/{name}", problems):
            split = row.split or candidate.split
            tracks.append(SourceTrack(DATASET, name, artist, title, split, stems, row.genre))
    problems += table.unmatched(candidate.name for candidate in candidates)
    note = f"{len(tracks)} tracks in {config.folder}"
    shares = (config.folder_validation_share, config.folder_test_share)
    return Collection(DATASET, tuple(tracks), *shares, tuple(problems), note)


def _local_folder(folder: str, scratch: Path) -> Path:
    if not folder.startswith(S3):
        return Path(folder).expanduser()
    from components.acquire.datasets.folder_mirror import mirror_bucket  # the S3 client takes long to import

    return mirror_bucket(folder, scratch)


def _bases(root: Path) -> Iterator[tuple[Path, str | None]]:
    """Yield the folder itself, and its subfolders that are named like a split and hold no audio of their own."""
    yield root, None
    for path in _visible(root):
        if path.name.lower() in SPLITS and path.is_dir() and not _audio_files(path):
            yield path, path.name.lower()


def _candidates(base: Path, split: str | None, root: Path, problems: list[Problem]) -> list[_Candidate]:
    bases = {path for path, _ in _bases(root)}
    entries = [path for path in _visible(base) if path not in bases]
    for path in entries:
        if not path.is_dir() and path.name.lower() not in _IGNORED:
            problems.append(_not_a_track(path, root, "a file beside the tracks; every track is a folder of stems"))
    folders = []
    for path in filter(Path.is_dir, entries):
        if _audio_files(path):
            folders.append(path)
            _name_other_files(path, problems)
        else:
            problems.append(_not_a_track(path, root, "a folder without audio files"))
    if any(stem_name(path.name) == VOCALS for path in folders):
        return _candidates_by_stem(folders, split)
    return [
        _Candidate(clean_name(path.name), split, tuple((stem_name(file.stem), file) for file in _audio_files(path)))
        for path in folders
    ]


def _candidates_by_stem(folders: list[Path], split: str | None) -> list[_Candidate]:
    found: dict[str, list[tuple[str, Path]]] = {}
    for folder in folders:
        for path in _audio_files(folder):
            found.setdefault(clean_name(path.stem), []).append((stem_name(folder.name), path))
    return [_Candidate(name, split, tuple(files)) for name, files in sorted(found.items())]


def _stems(candidate: _Candidate, track: str, problems: list[Problem]) -> tuple[SourceStem, ...]:
    """Return the track's stems; add a problem and return none when they do not make a multitrack."""

    def add(stem: str, kind: ProblemKind, detail: str, used: bool = False) -> None:
        problems.append(Problem(track, DATASET, stem, kind, detail, used))

    stems = dict(candidate.files)
    if len(stems) < len(candidate.files):
        names = ", ".join(sorted(path.name for _, path in candidate.files))
        add("", ProblemKind.DUPLICATE_STEM, f"keep one file per stem of {names}")
        return ()
    if VOCALS not in stems:
        add(VOCALS, ProblemKind.NO_VOCALS, f"it has {', '.join(stems)}; name the file of the voice 'vocals'")
        return ()
    if len(stems) == 1:
        add("", ProblemKind.ONLY_VOCALS, "add an accompaniment, stems or a mixture")
        return ()
    if ACCOMPANIMENT in stems:
        # a sum of all stems would count the parts of the accompaniment twice
        for part in sorted(stems.keys() - {VOCALS, ACCOMPANIMENT, MIXTURE}):
            del stems[part]
            add(part, ProblemKind.NOT_READ, "part of the accompaniment, which has a file of its own", used=True)
    return tuple(SourceStem(stem, path) for stem, path in sorted(stems.items()))


def _artist_and_title(candidate: _Candidate, table: FolderTable) -> tuple[str, str]:
    artist, title = artist_and_title(candidate.name)
    row = table.row(candidate.name)
    return row.artist or artist, row.title or title


def stem_name(name: str) -> str:
    """Return the name of the stem in a file or folder called `name`."""
    folded = fold_name(name)
    return ALIASES.get(folded, folded)


def _visible(folder: Path) -> list[Path]:
    """Return the entries of `folder` that are neither hidden nor a system's, in the same order on every file system."""
    paths = (
        path for path in folder.iterdir() if not path.name.startswith(".") and path.name.lower() not in SYSTEM_FOLDERS
    )
    return sorted(paths, key=lambda path: (clean_name(path.name), path.name))


def _audio_files(folder: Path) -> list[Path]:
    return [path for path in _visible(folder) if path.is_file() and is_recording(path)]


def _name_other_files(folder: Path, problems: list[Problem]) -> None:
    """Add a problem for each file beside the stems that is no recording: a stem may be missing because of it."""
    stems = set(_audio_files(folder))
    for path in _visible(folder):
        if path.is_file() and path not in stems and path.name.lower() not in _IGNORED:
            track = f"{DATASET}/{clean_name(folder.name)}"
            detail = f"{clean_name(path.name)} is no recording, by its name and its first bytes"
            problems.append(Problem(track, DATASET, stem_name(path.stem), ProblemKind.NOT_READ, detail, used=True))


def _not_a_track(path: Path, root: Path, detail: str) -> Problem:
    name = clean_name(path.relative_to(root).as_posix())
    return Problem(f"{DATASET}/{name}", DATASET, "", ProblemKind.NOT_A_TRACK, detail, used=False)
