"""What was acquired, for people (a table) and for DVC (summary.json, metrics that `dvc metrics diff` compares)."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.core.base.files import write_json
from components.core.data.data_problems import PROBLEMS, Kind, Problem, left_out
from components.core.data.manifest import SPLITS, Track

SUMMARY = "summary.json"
_MINUTE = 60.0


def write_summary(folder: Path, tracks: Sequence[Track], problems: Sequence[Problem]) -> None:
    """Write `folder`/summary.json: tracks, artists and minutes a split, tracks a dataset, left out, warnings."""
    write_json(folder / SUMMARY, summarise(tracks, problems))


def summarise(tracks: Sequence[Track], problems: Sequence[Problem]) -> dict[str, Any]:
    """Return the numbers of summary.json; only numbers, by name."""
    by_split = {split: [track for track in tracks if track.split == split] for split in SPLITS}
    reasons = left_out(problems)
    datasets = sorted({track.dataset for track in tracks})
    return {
        "tracks": {split: len(chosen) for split, chosen in by_split.items()},
        "artists": {split: len({track.artist for track in chosen}) for split, chosen in by_split.items()},
        "minutes": {split: round(_minutes(chosen), 3) for split, chosen in by_split.items()},
        "datasets": {name: _tracks_by_split(tracks, name) for name in datasets},
        "left_out": {"tracks": len(reasons), **_by_kind(list(reasons.values()))},
        "warnings": _by_kind([problem for problem in problems if problem.used]),
        "not_tracks": sum(problem.problem is Kind.NOT_A_TRACK for problem in problems),
    }


def print_report(folder: Path, tracks: Sequence[Track], problems: Sequence[Problem]) -> None:
    """Print one line for each track that was left out, and a table of what is there."""
    for name, problem in left_out(problems).items():
        stem = f"{problem.stem}: " if problem.stem else ""
        print(f"left out: {name}: {stem}{problem.problem}; {problem.detail}")
    for problem in problems:
        if problem.problem is Kind.NOT_A_TRACK:
            print(f"not a track: {problem.track}: {problem.detail}")
    for line in _table(tracks):
        print(line)
    warned = {problem.track for problem in problems if problem.used} & {track.name for track in tracks}
    if problems:
        out = len(left_out(problems))
        print(f"{out} tracks left out, {len(warned)} used with a warning: see {folder / PROBLEMS}", flush=True)


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


def _tracks_by_split(tracks: Sequence[Track], dataset: str) -> dict[str, int]:
    counts = Counter(track.split for track in tracks if track.dataset == dataset)
    return {split: counts[split] for split in SPLITS}


def _by_kind(problems: Sequence[Problem]) -> dict[str, int]:
    counts = Counter(problem.problem.value.replace(" ", "_") for problem in problems)
    return dict(sorted(counts.items()))


def _minutes(tracks: Sequence[Track]) -> float:
    return sum(track.duration for track in tracks) / _MINUTE
