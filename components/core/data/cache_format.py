"""The cache's format: a few memory-mapped files of int16 samples, and an index of the tracks in them.

    cache.json        targets, rate (Hz), channels
    index.csv         track, dataset, artist, split, shard, offset, samples, scale, bandwidth, parts
    shards/000.npy    int16: the tracks one after the other, each `(parts, channels, samples)`, flat

A sample's value is the stored integer times the track's `scale`. `parts` lists the stored stems, each after its target
(`vocals/vocals;accompaniment/bass;accompaniment/drums`): a target is the sum of its parts, and training may take them
from different tracks. A track has no sound above its `bandwidth` (Hz). docs/decisions/0003-cache-format.md explains why
the cache holds int16 waveforms and not spectrograms.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from components.core.base.documents import Document
from components.core.base.errors import UserError
from components.core.base.files import whole_file
from components.core.data.artifacts import CACHE_INDEX, CACHE_SETTINGS
from components.core.sound.decoding import Audio

INDEX_COLUMNS = ("track", "dataset", "artist", "split", "shard", "offset", "samples", "scale", "bandwidth", "parts")
FULL_SCALE = 32767


class CacheSettings(Document):
    """The targets of a cache, at `rate` Hz with `channels` channels."""

    FILE: ClassVar[str] = CACHE_SETTINGS.file
    REMEDY: ClassVar[str] = "run `dvc repro cache` first"

    targets: tuple[str, ...]
    rate: int
    channels: int


@dataclass(frozen=True)
class Part:
    """A stored stem, which is a part of a target."""

    target: str
    stem: str


@dataclass(frozen=True)
class CachedTrack:
    """A track and its place in the cache: from `offset` in shard number `shard`, `samples` for each channel.

    `bandwidth` is in Hz.
    """

    name: str
    dataset: str
    split: str
    shard: int
    offset: int
    samples: int
    scale: float
    bandwidth: float
    parts: tuple[Part, ...]

    def parts_of(self, target: str) -> list[int]:
        """Return the numbers of the stored stems that make up `target`."""
        return [number for number, part in enumerate(self.parts) if part.target == target]


def write_parts(parts: Iterable[Part]) -> str:
    """Return `parts` in the notation of index.csv."""
    return ";".join(f"{_quoted(part.target)}/{_quoted(part.stem)}" for part in parts)


def _read_parts(text: str) -> tuple[Part, ...]:
    return tuple(Part(*map(unquote, part.split("/", 1))) for part in text.split(";"))


def _quoted(name: str) -> str:
    # a stem may have any name; names without these signs stay as they are
    return name.replace("%", "%25").replace(";", "%3B").replace("/", "%2F")


def shard_path(folder: Path, shard: int) -> Path:
    """Return the file of shard number `shard`."""
    return folder / "shards" / f"{shard:03d}.npy"


def write_index(folder: Path, rows: list[Mapping[str, Any]]) -> None:
    """Write index.csv with INDEX_COLUMNS."""
    with whole_file(CACHE_INDEX.within(folder)) as partial:
        pd.DataFrame(rows, columns=list(INDEX_COLUMNS)).to_csv(partial, index=False)


class ShardReader:
    """Random access to the cached tracks of one split."""

    def __init__(self, folder: Path, split: str) -> None:
        settings = CacheSettings.read(folder)
        self.targets, self.rate, self.channels = settings.targets, settings.rate, settings.channels
        self.tracks = _read_tracks(folder, split)
        numbers = sorted({track.shard for track in self.tracks})
        self._shards: dict[int, NDArray[np.int16]] = {
            number: np.load(shard_path(folder, number), mmap_mode="r") for number in numbers
        }

    def read(self, track: CachedTrack, target: str, start: int, samples: int) -> Audio:
        """Return `(channels, samples)` float32 of one target from `start` on; zeros after the track's end."""
        audio = np.zeros((self.channels, samples), np.float32)
        for part in track.parts_of(target):
            audio += self.read_part(track, part, start, samples)
        return audio

    def read_part(self, track: CachedTrack, part: int, start: int, samples: int) -> Audio:
        """Return `(channels, samples)` float32 of the stored stem number `part`, as `read` does."""
        stored = self.stored(track)[part, :, start : start + samples]
        audio = stored.astype(np.float32) * np.float32(track.scale)
        return np.pad(audio, ((0, 0), (0, samples - audio.shape[1])))

    def stored(self, track: CachedTrack) -> NDArray[np.int16]:
        """Return a view `(parts, channels, samples)` of the stored integers of a track."""
        size = len(track.parts) * self.channels * track.samples
        flat = self._shards[track.shard][track.offset : track.offset + size]
        return flat.reshape(len(track.parts), self.channels, track.samples)


def _read_tracks(folder: Path, split: str) -> list[CachedTrack]:
    path = CACHE_INDEX.within(folder)
    table = pd.read_csv(path, keep_default_na=False)
    records = table[table["split"] == split].to_dict("records")
    if not records:
        raise UserError(f"{path} has no {split} tracks: acquire more data, or raise its share in params.yaml")
    return [
        CachedTrack(
            name=str(record["track"]),
            dataset=str(record["dataset"]),
            split=split,
            shard=int(record["shard"]),
            offset=int(record["offset"]),
            samples=int(record["samples"]),
            scale=float(record["scale"]),
            bandwidth=float(record["bandwidth"]),
            parts=_read_parts(str(record["parts"])),
        )
        for record in records
    ]
