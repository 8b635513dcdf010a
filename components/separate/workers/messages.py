"""What the job and its workers say to each other."""

from dataclasses import dataclass

from components.core.models.addresses import ModelAddress
from components.separate.config import SeparateConfig
from components.separate.ledger.ledger_table import Row
from components.separate.recording.stem_settings import Recipe


@dataclass(frozen=True)
class Order:
    """What all workers of a job need to know.

    `source` and `destination` are addresses; a worker separates `tracks` recordings at once, and `lanes` segments.
    """

    source: str
    destination: str
    address: ModelAddress
    config: SeparateConfig
    recipe: Recipe
    lanes: int
    tracks: int = 1


@dataclass(frozen=True)
class Begun:
    """A worker has begun to separate a recording: if it dies now, this one may be why."""

    key: str


@dataclass(frozen=True)
class Beat:
    """A worker has come so many seconds far in its recording, and that is this share of it."""

    key: str
    seconds: float
    share: float


@dataclass(frozen=True)
class Made:
    """The stems of a recording are made, and only have to be stored."""

    key: str


@dataclass(frozen=True)
class Ended:
    """A recording has its row of the ledger."""

    row: Row


@dataclass(frozen=True)
class Busy:
    """Another worker, perhaps of another job, has claimed the recording."""

    key: str


@dataclass(frozen=True)
class Troubled:
    """A recording failed for no known reason."""

    key: str
    reason: str


@dataclass(frozen=True)
class Stopped:
    """The worker can't go on, and no other could: the store or this machine's disk. One line."""

    reason: str


Message = Begun | Beat | Made | Ended | Busy | Troubled | Stopped
