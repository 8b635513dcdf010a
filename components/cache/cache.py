"""Decode every training and validation track once, and store its targets as shards."""

import shutil
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
from components.core.data.cache_format import (
    FULL_SCALE,
    INDEX,
    SETTINGS,
    Part,
    shard_path,
    write_index,
    write_parts,
    write_settings,
)
from components.core.data.manifest import Track, read_manifest, read_parts

CACHED_SPLITS = ("train", "validation")


def cache(config: CacheConfig, data: Path, out: Path) -> None:
    """Write the shards of the tracks in `data`/manifest.csv to `out`; the same input gives the same bytes."""
    tracks = [track for split in CACHED_SPLITS for track in read_manifest(data, split)]
    _clear(out)
    decoded = map_in_processes(partial(_decode, config), tracks, "cache", "tracks")
    rows: list[dict[str, Any]] = []
    with ShardWriter(config, out) as writer:
        for track, decoding in zip(tracks, decoded, strict=True):
            rows.append(_index_row(track, decoding, *writer.append(decoding.samples)))
    write_index(out, list(rows))
    write_settings(out, config.targets, config.rate, config.channels)
    _report(rows, config, out)


def _clear(out: Path) -> None:
    """Remove an earlier cache, its index first: half a cache is never taken for one, and no old shard stays."""
    for name in (INDEX, SETTINGS):
        (out / name).unlink(missing_ok=True)
    shutil.rmtree(shard_path(out, 0).parent, ignore_errors=True)


class ShardWriter:
    """Appends tracks to the current shard, and begins the next one when it is full."""

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
        """Store a track, `(parts, channels, samples)`; return its shard and its offset there, in samples."""
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
        self._file.write(_header(0))

    def _finish(self, *error: object) -> None:
        if self._file is not None and error[0] is None:
            self._file.seek(0)
            self._file.write(_header(self._filled))
        self._file = None
        self._open.__exit__(*error)  # type: ignore[arg-type]


def _header(samples: int) -> bytes:
    """Return the header of a flat int16 .npy file, of one length for any number of samples (NumPy's format 1.0)."""
    text = f"{{'descr': '<i2', 'fortran_order': False, 'shape': ({samples},), }}"
    return b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + text.ljust(117).encode() + b"\n"


@dataclass(frozen=True)
class _Decoding:
    """A track's stems as they are stored, `(parts, channels, samples)`: the integers are `scale` each."""

    parts: tuple[Part, ...]
    samples: NDArray[np.int16]
    scale: float


def _decode(config: CacheConfig, track: Track) -> _Decoding:
    by_target = read_parts(track, config.targets, config.rate, config.channels)
    parts = tuple(Part(target, stem) for target, stems in by_target.items() for stem in stems)
    stems = np.stack([by_target[part.target][part.stem] for part in parts])
    scale = max(float(np.abs(stems).max(initial=0.0)), 1e-9) / FULL_SCALE
    integers = np.rint(stems / np.float32(scale)).clip(-FULL_SCALE, FULL_SCALE).astype(np.int16)
    return _Decoding(parts, integers, scale)


def _index_row(track: Track, decoding: _Decoding, shard: int, offset: int) -> dict[str, Any]:
    return {
        "track": track.name,
        "dataset": track.dataset,
        "artist": track.artist,
        "split": track.split,
        "shard": shard,
        "offset": offset,
        "samples": decoding.samples.shape[-1],
        "scale": f"{decoding.scale:.9e}",
        # what was recorded at a lower rate has nothing above half of that
        "bandwidth": min(stem.rate for stem in track.stems.values()) / 2,
        "parts": write_parts(decoding.parts),
    }


def _report(rows: list[dict[str, Any]], config: CacheConfig, out: Path) -> None:
    minutes = sum(row["samples"] for row in rows) / config.rate / 60
    files = sorted((out / "shards").glob("*.npy"))
    size = sum(path.stat().st_size for path in files) / 1e6
    print(f"cache: {len(rows)} tracks, {minutes:.1f} minutes in {len(files)} shards, {size:.0f} MB")
