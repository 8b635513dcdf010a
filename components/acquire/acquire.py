"""The step: find the tracks, check them, split them by artist, copy them, and write the manifest."""

import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from components.acquire.checking.measurements import TrackMeasurement, measure_track
from components.acquire.checking.track_checks import find_problems, unscorable_reason
from components.acquire.config import AcquireConfig, DatasetName
from components.acquire.copying import copy_file, plan_copies
from components.acquire.datasets import demo, folder, musdb18
from components.acquire.datasets.collection import Collection, Finder, SourceTrack
from components.acquire.files.track_names import number_duplicates
from components.acquire.splits import TEST, TRAIN, ArtistTrack, SplitShares, assign_splits
from components.acquire.summary import print_summary, summarise
from components.core.base.errors import UserError
from components.core.base.parallel import map_in_processes
from components.core.data.artifacts import ACQUIRE_SUMMARY, MANIFEST, PROBLEMS, TRACKS
from components.core.data.data_problems import Problem, ProblemKind, write_problems
from components.core.data.manifest import StemFile, Track, write_manifest

FINDERS: Mapping[DatasetName, Finder] = {
    "demo": demo.find,
    "folder": folder.find,
    **{name: partial(musdb18.find, edition) for name, edition in musdb18.EDITIONS.items()},
}
"""The datasets by their names in params.yaml."""

_TABLES = (MANIFEST, PROBLEMS, ACQUIRE_SUMMARY)


def acquire(config: AcquireConfig, out: Path, scratch: Path) -> None:
    """Fill `out` with the audio of `config.datasets`, manifest.csv, problems.csv and summary.json.

    Downloads and rendered songs stay in `scratch`, where a restart finds them. Raises UserError when a dataset is not
    available, or when no track is left to train or to test on.
    """
    _empty(out)
    collections = [FINDERS[name](config, scratch) for name in config.datasets]
    for collection in collections:
        print(f"{collection.dataset}: {collection.note}", flush=True)
    sources = _name_tracks(collections)
    measured = map_in_processes(measure_track, list(sources.values()), "check", "tracks")
    measurements = dict(zip(sources, measured, strict=True))
    problems = [problem for collection in collections for problem in collection.problems]
    for name, source in sources.items():
        problems += find_problems(source, name, measurements[name])
    splits = _split(sources, measurements, collections, config.seed, problems)
    write_problems(out, problems)
    _require_splits(splits, out)
    tracks = _copy_tracks(sources, measurements, splits, out)
    write_manifest(out, tracks)
    summarise(tracks, problems).write(out)
    print_summary(out, tracks, problems)


def _empty(out: Path) -> None:
    """Remove the outputs of an earlier run from `out`; raises UserError when other files lie there."""
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file: name a folder to write to")
    out.mkdir(parents=True, exist_ok=True)
    outputs = {artifact.file for artifact in (TRACKS, *_TABLES)}
    foreign = sorted(path.name for path in out.iterdir() if path.name not in outputs and path.name[0] != ".")
    if foreign:
        raise UserError(f"{out} holds files that acquire did not make ({foreign[0]}): name an empty folder")
    shutil.rmtree(TRACKS.within(out), ignore_errors=True)
    for path in (*(artifact.within(out) for artifact in _TABLES), *out.glob(".*.partial*")):
        path.unlink(missing_ok=True)


def _name_tracks(collections: Sequence[Collection]) -> dict[str, SourceTrack]:
    """Return all tracks by their names in the manifest, `<dataset>/<name>`, which are unique."""
    tracks = [track for collection in collections for track in collection.tracks]
    names = number_duplicates(f"{track.dataset}/{track.name}" for track in tracks)
    return dict(zip(names, tracks, strict=True))


def _split(
    sources: Mapping[str, SourceTrack],
    measurements: Mapping[str, TrackMeasurement],
    collections: Sequence[Collection],
    seed: int,
    problems: list[Problem],
) -> dict[str, str]:
    """Return the split of every track that is used; add a problem for each track that loses its split."""
    unusable = {problem.track for problem in problems if not problem.used}
    tracks = [
        ArtistTrack(name, source.dataset, source.artist, source.split)
        for name, source in sources.items()
        if name not in unusable
    ]
    shares = {
        collection.dataset: SplitShares(collection.validation_share, collection.test_share)
        for collection in collections
    }
    used: dict[str, str] = {}
    for name, split in assign_splits(tracks, shares, seed).items():
        source = sources[name]
        reason = unscorable_reason(measurements[name]) if split == TEST else None
        if split is None:
            detail = f"another split with precedence has a track of {source.artist}"
            problems.append(Problem(name, source.dataset, "", ProblemKind.ARTIST_HELD_BACK, detail, used=False))
        elif reason:
            problems.append(Problem(name, source.dataset, "", ProblemKind.CANNOT_BE_SCORED, reason, used=False))
        else:
            used[name] = split
    return used


def _require_splits(splits: Mapping[str, str], out: Path) -> None:
    for split in (TRAIN, TEST):
        if split not in splits.values():
            raise UserError(
                f"no track is left for the split '{split}' ({PROBLEMS.within(out)} lists the tracks left out): add a "
                "dataset that has one to acquire.datasets, or raise acquire.folder_test_share"
            )


def _copy_tracks(
    sources: Mapping[str, SourceTrack],
    measurements: Mapping[str, TrackMeasurement],
    splits: Mapping[str, str],
    out: Path,
) -> list[Track]:
    """Copy the files of the tracks that are used, and return these tracks as they lie in `out`."""
    copies = plan_copies({name: sources[name] for name in splits}, TRACKS.within(out))
    digests = map_in_processes(copy_file, copies, "copy", "files")
    copied = {copy.source: (copy.target, digest) for copy, digest in zip(copies, digests, strict=True)}
    return [_track(name, sources[name], measurements[name], split, copied) for name, split in splits.items()]


def _track(
    name: str,
    source: SourceTrack,
    measurement: TrackMeasurement,
    split: str,
    copied: Mapping[Path, tuple[Path, str]],
) -> Track:
    stems = {}
    for stem in source.stems:
        measured = measurement.stems[stem.stem]
        path, digest = copied[stem.path]
        stems[stem.stem] = StemFile(
            stem=stem.stem,
            path=path,
            stream=stem.stream,
            sha256=digest,
            samples=measured.samples,
            rate=measured.rate,
            channels=measured.channels,
        )
    return Track(name, source.artist, source.title, source.dataset, split, stems, source.genre)
