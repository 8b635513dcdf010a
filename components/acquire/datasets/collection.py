"""What a dataset hands over: tracks where they lie now, before anything is checked or copied."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from components.acquire.config import AcquireConfig
from components.core.data.data_problems import Problem


@dataclass(frozen=True)
class SourceStem:
    """Where a stem's samples lie: audio stream `stream` of the file `path`."""

    stem: str
    path: Path
    stream: int = 0


@dataclass(frozen=True)
class SourceTrack:
    """A track as found; `name` is unique in the dataset.

    `split` is what the dataset says, None when that is open; `genre` likewise, empty where nobody says it.
    """

    dataset: str
    name: str
    artist: str
    title: str
    split: str | None
    stems: tuple[SourceStem, ...]
    genre: str = ""


@dataclass(frozen=True)
class Collection:
    """The tracks of one dataset, what was wrong already while listing them, and a line that says what was found.

    The shares (of artists) are used for the splits that no track names itself.
    """

    dataset: str
    tracks: tuple[SourceTrack, ...]
    validation_share: float
    test_share: float = 0.0
    problems: tuple[Problem, ...] = ()
    note: str = ""


Finder = Callable[[AcquireConfig, Path], Collection]
"""Lists a dataset, downloading or making it in the scratch folder if need be; raises UserError if it cannot."""
