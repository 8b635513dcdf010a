"""The documents about the acquired data: summary.json, its counts, and problems.csv, a row for each problem."""

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

import pandas as pd

from components.core.base.documents import Document
from components.core.base.files import whole_file
from components.core.data import artifacts


class ProblemKind(StrEnum):
    """The kinds of problems, as problems.csv spells them."""

    NOT_A_TRACK = "not a track"
    NOT_READ = "not read"
    NO_VOCALS = "no vocals"
    ONLY_VOCALS = "nothing but vocals"
    DUPLICATE_STEM = "stem given twice"
    UNREADABLE = "unreadable"
    TRUNCATED = "truncated"
    NOT_FINITE = "NaN or infinite"
    TOO_SHORT = "too short"
    WRONG_LENGTH = "wrong length"
    LENGTHS_DIFFER = "lengths differ slightly"
    RATES_DIFFER = "rates differ"
    SILENT = "silent"
    CLIPPED = "clipped"
    NOT_THE_SUM = "stems do not add up"
    ARTIST_HELD_BACK = "artist is in another split"
    CANNOT_BE_SCORED = "cannot be scored"


@dataclass(frozen=True)
class Problem:
    """A row of problems.csv. `stem` is empty for a problem of the whole track; `used`: the track is used anyway."""

    track: str
    dataset: str
    stem: str
    problem: ProblemKind
    detail: str
    used: bool


PROBLEM_COLUMNS = tuple(field.name for field in fields(Problem))
"""The columns of problems.csv."""


def write_problems(folder: Path, problems: Iterable[Problem]) -> None:
    """Write `folder`/problems.csv, sorted by track."""
    rows = sorted(astuple(problem) for problem in problems)
    with whole_file(artifacts.PROBLEMS.within(folder)) as partial:
        pd.DataFrame(rows, columns=PROBLEM_COLUMNS).to_csv(partial, index=False)


def unused_tracks(problems: Iterable[Problem]) -> dict[str, Problem]:
    """Return the tracks that are not used, by name, each with its first problem that says so."""
    reasons: dict[str, Problem] = {}
    for problem in sorted(problems, key=lambda problem: problem.track):
        if not problem.used and problem.problem is not ProblemKind.NOT_A_TRACK:
            reasons.setdefault(problem.track, problem)
    return reasons


class AcquireSummary(Document):
    """Counts of the acquired data.

    tracks, artists, minutes   by split
    datasets                   tracks by dataset and split
    left_out                   tracks that are not used: `tracks` in all, then by kind of problem
    warnings                   problems of tracks that are used, by kind
    not_tracks                 files and folders that are no tracks
    """

    FILE: ClassVar[str] = artifacts.ACQUIRE_SUMMARY.file
    REMEDY: ClassVar[str] = "run `dvc repro acquire`"

    tracks: Mapping[str, int]
    artists: Mapping[str, int] = {}
    minutes: Mapping[str, float] = {}
    datasets: Mapping[str, Mapping[str, int]] = {}
    left_out: Mapping[str, int] = {}
    warnings: Mapping[str, int] = {}
    not_tracks: int = 0
