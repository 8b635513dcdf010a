"""The step itself: find, check, split, copy, write down."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from components.acquire.checking.acceptance import is_scorable, judge
from components.acquire.checking.measurements import TrackFacts, measure
from components.acquire.config import AcquireConfig
from components.acquire.datasets.collection import Collection, SourceTrack
from components.acquire.datasets.registry import FINDERS
from components.acquire.files.copying import Transfer, copy, plan
from components.acquire.files.names import unique_names
from components.acquire.splits import TEST, TRAIN, Entry, Shares, assign
from components.acquire.summary import SUMMARY, print_report, write_summary
from components.core.base.errors import UserError
from components.core.base.parallel import map_in_processes
from components.core.data.data_problems import PROBLEMS, Kind, Problem, write_problems
from components.core.data.manifest import MANIFEST, StemFile, Track, write_manifest

TRACKS = "tracks"
_OURS = frozenset({TRACKS, MANIFEST, PROBLEMS, SUMMARY})


def acquire(config: AcquireConfig, out: Path, scratch: Path) -> None:
    """Fill `out` with the audio of `config.datasets`, manifest.csv, problems.csv and summary.json.

    Downloads and songs made on the spot stay in `scratch`, where a restart finds them. Raises UserError when a dataset
    cannot be had, or nothing is left to train or to test on.
    """
    _empty(out)
    collections = [FINDERS[name](config, scratch) for name in config.datasets]
    for collection in collections:
        print(f"{collection.dataset}: {collection.note}", flush=True)
    sources = _by_name(collections)
    facts = dict(zip(sources, map_in_processes(measure, list(sources.values()), "check", "tracks"), strict=True))
    problems = [problem for collection in collections for problem in collection.problems]
    problems += [problem for name, source in sources.items() for problem in judge(source, name, facts[name])]
    splits = _split(sources, facts, collections, config.seed, problems)
    write_problems(out, problems)
    _require_splits(splits, out)
    tracks = _copied(sources, facts, splits, out)
    write_manifest(out, tracks)
    write_summary(out, tracks, problems)
    print_report(out, tracks, problems)


def _empty(out: Path) -> None:
    """Remove what an earlier run left in `out`; raises UserError when other files lie there."""
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file: name a folder to write to")
    out.mkdir(parents=True, exist_ok=True)
    foreign = sorted(path.name for path in out.iterdir() if path.name not in _OURS and not path.name.startswith("."))
    if foreign:
        raise UserError(f"{out} holds files that acquire did not make ({foreign[0]}): name an empty folder")
    shutil.rmtree(out / TRACKS, ignore_errors=True)
    for path in (*(out / name for name in _OURS - {TRACKS}), *out.glob(".*.partial*")):
        path.unlink(missing_ok=True)


def _by_name(collections: Sequence[Collection]) -> dict[str, SourceTrack]:
    tracks = [track for collection in collections for track in collection.tracks]
    names = unique_names(f"{track.dataset}/{track.name}" for track in tracks)
    return dict(zip(names, tracks, strict=True))


def _split(
    sources: Mapping[str, SourceTrack],
    facts: Mapping[str, TrackFacts],
    collections: Sequence[Collection],
    seed: int,
    problems: list[Problem],
) -> dict[str, str]:
    """Return the split of every track that is used; tracks that lose theirs are added to `problems`."""
    unusable = {problem.track for problem in problems if not problem.used}
    entries = [
        Entry(name, source.dataset, source.artist, source.split)
        for name, source in sources.items()
        if name not in unusable
    ]
    shares = {
        collection.dataset: Shares(collection.validation_share, collection.test_share) for collection in collections
    }
    used: dict[str, str] = {}
    for name, split in assign(entries, shares, seed).items():
        source = sources[name]
        reason = is_scorable(facts[name]) if split == TEST else ""
        if split is None:
            detail = f"{source.artist} is held back for a split that wins over this one"
            problems.append(Problem(name, source.dataset, "", Kind.ARTIST_HELD_BACK, detail, False))
        elif reason:
            problems.append(Problem(name, source.dataset, "", Kind.CANNOT_BE_SCORED, reason, False))
        else:
            used[name] = split
    return used


def _require_splits(splits: Mapping[str, str], out: Path) -> None:
    for split in (TRAIN, TEST):
        if split not in splits.values():
            raise UserError(
                f"no track is left for the split '{split}': add a dataset to acquire.datasets that has one, or give "
                f"acquire.folder_test_share a share ({out / PROBLEMS} says what was left out and why)"
            )


def _copied(
    sources: Mapping[str, SourceTrack], facts: Mapping[str, TrackFacts], splits: Mapping[str, str], out: Path
) -> list[Track]:
    """Copy the files of the tracks that are used, and return these as they lie in `out`."""
    targets = plan({name: sources[name] for name in splits}, out / TRACKS)
    transfers = [Transfer(source, target) for source, target in targets.items()]
    digests = dict(zip(targets, map_in_processes(copy, transfers, "copy", "files"), strict=True))
    return [_track(name, sources[name], facts[name], split, targets, digests) for name, split in splits.items()]


def _track(
    name: str,
    source: SourceTrack,
    facts: TrackFacts,
    split: str,
    targets: Mapping[Path, Path],
    digests: Mapping[Path, str],
) -> Track:
    stems = {}
    for stem in source.stems:
        fact = facts.stems[stem.stem]
        stems[stem.stem] = StemFile(
            stem=stem.stem,
            path=targets[stem.path],
            stream=stem.stream,
            sha256=digests[stem.path],
            samples=fact.samples,
            rate=fact.rate,
            channels=fact.channels,
        )
    return Track(name, source.artist, source.title, source.dataset, split, stems, source.genre)
