"""What is wrong with the data that arrived: every finding by name, and whether the track is used all the same."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from enum import StrEnum
from pathlib import Path

import pandas as pd

from components.core.base.files import whole_file

PROBLEMS = "problems.csv"


class Kind(StrEnum):
    """The kinds of problems, as they stand in problems.csv."""

    NOT_A_TRACK = "not a track"
    NOT_READ = "not read"
    NO_VOCALS = "no vocals"
    ONLY_VOCALS = "nothing but vocals"
    TWICE = "stem given twice"
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
    """One finding. `stem` is empty when it concerns the whole track; `used`: the track is used nevertheless."""

    track: str
    dataset: str
    stem: str
    problem: Kind
    detail: str
    used: bool


def write_problems(folder: Path, problems: Iterable[Problem]) -> None:
    """Write `folder`/problems.csv, sorted, with the columns track, dataset, stem, problem, detail, used."""
    columns = [field.name for field in fields(Problem)]
    rows = sorted(astuple(problem) for problem in problems)
    with whole_file(folder / PROBLEMS) as partial:
        pd.DataFrame(rows, columns=columns).to_csv(partial, index=False)


def left_out(problems: Iterable[Problem]) -> dict[str, Problem]:
    """Return the tracks that are not used, by name, each with its first reason."""
    reasons: dict[str, Problem] = {}
    for problem in sorted(problems, key=lambda problem: (problem.track, problem.used)):
        if not problem.used and problem.problem is not Kind.NOT_A_TRACK:
            reasons.setdefault(problem.track, problem)
    return reasons
