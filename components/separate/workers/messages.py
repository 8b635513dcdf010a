"""The messages between a job and its workers."""

from dataclasses import dataclass

from components.core.data.stem_provenance import StemSettings
from components.core.models.addresses import ModelAddress
from components.separate.config import SeparateConfig
from components.separate.ledger.ledger_table import Row


@dataclass(frozen=True)
class WorkerSetup:
    """The settings that every worker of a job gets when it starts.

    source, destination  addresses of the stores
    lanes                segments of a recording that run at once
    tracks               recordings that a worker separates at once
    """

    source: str
    destination: str
    address: ModelAddress
    config: SeparateConfig
    settings: StemSettings
    lanes: int
    tracks: int = 1


@dataclass(frozen=True)
class Started:
    """A worker starts to separate a recording: if it dies now, this recording may be why."""

    key: str


@dataclass(frozen=True)
class Progressed:
    """A worker has separated `seconds` of a recording, and `share` of its length."""

    key: str
    seconds: float
    share: float


@dataclass(frozen=True)
class StemsMade:
    """The stems of a recording are made; now they are stored."""

    key: str


@dataclass(frozen=True)
class Finished:
    """A recording has its row of the ledger."""

    row: Row


@dataclass(frozen=True)
class ClaimedElsewhere:
    """Another worker, perhaps of another job, holds the claim to the recording."""

    key: str


@dataclass(frozen=True)
class Failed:
    """A recording failed for no known reason, so it is tried again."""

    key: str
    reason: str


@dataclass(frozen=True)
class Stopped:
    """No worker can go on: a store, this machine's disk, or the model has a fault.

    `reason` is one line; `outage` is true when a store does not answer, so that the same command helps later.
    """

    reason: str
    outage: bool = False


Message = Started | Progressed | StemsMade | Finished | ClaimedElsewhere | Failed | Stopped
