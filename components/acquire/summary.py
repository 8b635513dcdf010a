"""The summary of the acquired data, as a document (summary.json) and as printed lines."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from components.core.data import artifacts
from components.core.data.data_problems import AcquireSummary, Problem, ProblemKind, unused_tracks
from components.core.data.manifest import SPLITS, Track


def summarise(tracks: Sequence[Track], problems: Sequence[Problem]) -> AcquireSummary:
    """Count tracks, artists and minutes by split, tracks by dataset, and problems by kind."""
    by_split = {split: [track for track in tracks if track.split == split] for split in SPLITS}
    unused = unused_tracks(problems).values()
    return AcquireSummary(
        tracks={split: len(chosen) for split, chosen in by_split.items()},
        artists={split: len({track.artist for track in chosen}) for split, chosen in by_split.items()},
        minutes={split: round(_minutes(chosen), 3) for split, chosen in by_split.items()},
        datasets={
            dataset: {split: sum(track.dataset == dataset for track in chosen) for split, chosen in by_split.items()}
            for dataset in sorted({track.dataset for track in tracks})
        },
        left_out={"tracks": len(unused), **_count_by_kind(unused)},
        warnings=_count_by_kind(problem for problem in problems if problem.used),
        not_tracks=sum(problem.problem is ProblemKind.NOT_A_TRACK for problem in problems),
    )


def print_summary(folder: Path, tracks: Sequence[Track], problems: Sequence[Problem]) -> None:
    """Print a line for each track that is left out, and a table of the tracks in `folder`."""
    unused = unused_tracks(problems)
    for name, problem in unused.items():
        stem = f"{problem.stem}: " if problem.stem else ""
        print(f"left out: {name}: {stem}{problem.problem}; {problem.detail}")
    for problem in problems:
        if problem.problem is ProblemKind.NOT_A_TRACK:
            print(f"not a track: {problem.track}: {problem.detail}")
    for line in _table(tracks):
        print(line)
    warned = {problem.track for problem in problems if problem.used} & {track.name for track in tracks}
    if problems:
        table = artifacts.PROBLEMS.within(folder)
        print(f"{len(unused)} tracks left out, {len(warned)} used with a warning: see {table}", flush=True)


def _table(tracks: Sequence[Track]) -> list[str]:
    datasets = sorted({track.dataset for track in tracks})
    width = max(len(name) for name in (*datasets, "dataset"))
    lines = [f"{'dataset':{width}}" + "".join(f"{split:>24}" for split in SPLITS)]
    for dataset in datasets:
        cells = []
        for split in SPLITS:
            chosen = [track for track in tracks if track.dataset == dataset and track.split == split]
            cells.append(f"{len(chosen)} tracks, {_minutes(chosen):.1f} min" if chosen else "-")
        lines.append(f"{dataset:{width}}" + "".join(f"{cell:>24}" for cell in cells))
    return lines


def _count_by_kind(problems: Iterable[Problem]) -> dict[str, int]:
    counts = Counter(problem.problem.value.replace(" ", "_") for problem in problems)
    return dict(sorted(counts.items()))


def _minutes(tracks: Iterable[Track]) -> float:
    return sum(track.duration for track in tracks) / 60
