"""Problems of the acquired data: the table problems.csv, which `acquire` writes and the report reads."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from enum import StrEnum
from pathlib import Path

import pandas as pd

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
