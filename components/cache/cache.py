"""The step: decode every training and validation track once, and store its targets as shards."""

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from components.cache.config import CacheConfig
from components.core.base.files import whole_file
from components.core.base.parallel import map_in_processes
from components.core.data.artifacts import CACHE_INDEX, CACHE_SETTINGS
from components.core.data.cache_format import (
    FULL_SCALE,
    CacheSettings,
    Part,
    shard_path,
    write_index,
    write_parts,
)
from components.core.data.manifest import Track, read_manifest, read_parts

CACHED_SPLITS = ("train", "validation")


def cache(config: CacheConfig, data: Path, out: Path) -> None:
    """Write the shards of the tracks of `data`/manifest.csv to `out`; the same input gives the same bytes."""
    tracks = [track for split in CACHED_SPLITS for track in read_manifest(data, split)]
    _clear(out)
    decoded = map_in_processes(partial(_decode, config), tracks, "cache", "tracks")
    rows: list[Mapping[str, Any]] = []
    with ShardWriter(config, out) as writer:
        for track, stored in zip(tracks, decoded, strict=True):
            rows.append(_index_row(track, stored, *writer.append(stored.samples)))
    write_index(out, rows)
    CacheSettings(targets=config.targets, rate=config.rate, channels=config.channels).write(out)
    _report(rows, config, out)


def _clear(out: Path) -> None:
    """Delete an earlier cache, its index first, so that an interrupted run leaves no cache that looks complete."""
    for artifact in (CACHE_INDEX, CACHE_SETTINGS):
        artifact.within(out).unlink(missing_ok=True)
    shutil.rmtree(shard_path(out, 0).parent, ignore_errors=True)


class ShardWriter:
    """Appends tracks to a shard, and begins the next shard when it is full."""

    def __init__(self, config: CacheConfig, out: Path) -> None:
        self._limit = round(config.shard_minutes * 60 * config.rate) * config.channels * len(config.targets)
        self._out = out
        self._shard = -1
        self._filled = self._limit
        self._file: IO[bytes] | None = None
        self._open = ExitStack()

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(self, *error: object) -> None:
        self._finish(*error)

    def append(self, samples: NDArray[np.int16]) -> tuple[int, int]:
        """Store a track, `(parts, channels, samples)`; return its shard and its offset there, in stored integers."""
        if self._filled >= self._limit:
            self._begin()
        assert self._file is not None
        offset = self._filled
        self._file.write(np.ascontiguousarray(samples, "<i2").data)
        self._filled += samples.size
        return self._shard, offset

    def _begin(self) -> None:
        self._finish(None, None, None)
        self._shard, self._filled = self._shard + 1, 0
        partial_path = self._open.enter_context(whole_file(shard_path(self._out, self._shard)))
        self._file = self._open.enter_context(partial_path.open("wb"))
        _write_header(self._file, 0)

    def _finish(self, *error: object) -> None:
        if self._file is not None and error[0] is None:
            self._file.seek(0)
            _write_header(self._file, self._filled)
        self._file = None
        self._open.__exit__(*error)  # type: ignore[arg-type]


def _write_header(file: IO[bytes], size: int) -> None:
    """Write the header of a flat int16 .npy file; NumPy pads it, so that it has the same length for every size."""
    np.lib.format.write_array_header_1_0(file, {"descr": "<i2", "fortran_order": False, "shape": (size,)})


@dataclass(frozen=True)
class _StoredTrack:
    """A track's stored stems, `(parts, channels, samples)`; a sample's value is the integer times `scale`."""

    parts: tuple[Part, ...]
    samples: NDArray[np.int16]
    scale: float


def _decode(config: CacheConfig, track: Track) -> _StoredTrack:
    by_target = read_parts(track, config.targets, config.rate, config.channels)
    parts = tuple(Part(target, stem) for target, stems in by_target.items() for stem in stems)
    stems = np.stack([by_target[part.target][part.stem] for part in parts])
    scale = max(float(np.abs(stems).max(initial=0.0)), 1e-9) / FULL_SCALE
    integers = np.rint(stems / np.float32(scale)).clip(-FULL_SCALE, FULL_SCALE).astype(np.int16)
    return _StoredTrack(parts, integers, scale)


def _index_row(track: Track, stored: _StoredTrack, shard: int, offset: int) -> dict[str, Any]:
    return {
        "track": track.name,
        "dataset": track.dataset,
        "artist": track.artist,
        "split": track.split,
        "shard": shard,
        "offset": offset,
        "samples": stored.samples.shape[-1],
        "scale": f"{stored.scale:.9e}",
        # a stem of a lower rate has no frequencies above half of that rate
        "bandwidth": min(stem.rate for stem in track.stems.values()) / 2,
        "parts": write_parts(stored.parts),
    }


def _report(rows: list[Mapping[str, Any]], config: CacheConfig, out: Path) -> None:
    minutes = sum(row["samples"] for row in rows) / config.rate / 60
    files = [shard_path(out, number) for number in sorted({row["shard"] for row in rows})]
    size = sum(path.stat().st_size for path in files) / 1e6
    print(f"cache: {len(rows)} tracks, {minutes:.1f} minutes in {len(files)} shards, {size:.0f} MB")
