"""A dataset's tracks where they lie now, before they are checked and copied."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from components.acquire.config import AcquireConfig
from components.core.data.data_problems import Problem


@dataclass(frozen=True)
class SourceStem:
    """A stem's samples: audio stream number `stream` of the file `path`."""

    stem: str
    path: Path
    stream: int = 0


@dataclass(frozen=True)
class SourceTrack:
    """A track of a dataset; `name` is unique in the dataset.

    `split` is the one that the dataset names, or None; `genre` is empty where it is unknown.
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
    """The tracks of one dataset, the problems found while listing them, and a line for the log.

    The shares (of artists) apply to the splits that no track names.
    """

    dataset: str
    tracks: tuple[SourceTrack, ...]
    validation_share: float
    test_share: float = 0.0
    problems: tuple[Problem, ...] = ()
    note: str = ""


Finder = Callable[[AcquireConfig, Path], Collection]
"""Lists a dataset, after downloading or making it in the scratch folder; raises UserError when it is not available."""
