"""The manifest: the files, stems and splits of all tracks. The step acquire writes it.

It is a CSV table with one row for each stem. Columns:

    track      unique name, `<dataset>/<artist> - <title>`
    artist, title, dataset
    genre      empty where the data does not name it
    split      train, validation or test; an artist is in one split only
    stem       mixture, vocals, drums, bass, other, accompaniment …
    path       path of the file, relative to the manifest's folder
    stream     audio stream in that file (a stem.mp4 holds five), counted from 0
    sha256     of the file
    samples, rate (Hz), channels, duration (s)
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from components.core.base.errors import UserError
from components.core.base.files import whole_file
from components.core.data.artifacts import MANIFEST
from components.core.data.residual_targets import excluded_stem
from components.core.sound.decoding import Audio, read_audio
from components.core.sound.resampling import convert_channels, resample

MIXTURE = "mixture"
OTHER = "other"
SPLITS = ("train", "validation", "test")
COLUMNS = (
    *("track", "artist", "title", "genre", "dataset", "split", "stem"),
    *("path", "stream", "sha256", "samples", "rate", "channels", "duration"),
)

_TEXTS = ("track", "artist", "title", "genre", "dataset", "split", "stem", "path", "sha256")
"""Columns that are text, even if they look like numbers (a band called 1975, a digest without letters)."""


@dataclass(frozen=True)
class StemFile:
    """The file of one stem of a track: `samples` for each channel, at `rate` Hz."""

    stem: str
    path: Path
    stream: int
    sha256: str
    samples: int
    rate: int
    channels: int


@dataclass(frozen=True)
class Track:
    """A recording and its stems by name; `mixture` is one of them where the data has a mixture."""

    name: str
    artist: str
    title: str
    dataset: str
    split: str
    stems: Mapping[str, StemFile]
    genre: str = ""

    @property
    def duration(self) -> float:
        """Seconds of the longest stem."""
        return max(stem.samples / stem.rate for stem in self.stems.values())


def write_manifest(folder: Path, tracks: Iterable[Track]) -> None:
    """Write `folder`/manifest.csv, sorted by split and name; the stems' paths must lie below `folder`."""
    rows = [_row(folder, track, stem) for track in tracks for stem in track.stems.values()]
    rows.sort(key=lambda row: (SPLITS.index(str(row["split"])), str(row["track"]), str(row["stem"])))
    with whole_file(MANIFEST.within(folder)) as partial:
        pd.DataFrame(rows, columns=COLUMNS).to_csv(partial, index=False)


def read_manifest(folder: Path, split: str | None = None) -> list[Track]:
    """Return the tracks of `folder`/manifest.csv (those of `split`, if given) in the manifest's order."""
    path = MANIFEST.within(folder)
    if not path.is_file():
        raise UserError(f"{path} does not exist: run `dvc repro acquire` first")
    table = pd.read_csv(path, dtype=dict.fromkeys(_TEXTS, str), keep_default_na=False)
    if split is not None:
        table = table[table["split"] == split]
    return [_track(folder, rows) for _, rows in table.groupby("track", sort=False)]


Prepare = Callable[[Audio], Audio]
"""A function that changes each stem, `(channels, samples)`, before stems are added."""


def _keep(samples: Audio) -> Audio:
    return samples


def read_targets(track: Track, targets: tuple[str, ...], rate: int, channels: int, prepare: Prepare = _keep) -> Audio:
    """Return the track's targets as `(targets, channels, samples)` float32 at `rate` Hz: the sums of `read_parts`."""
    parts = read_parts(track, targets, rate, channels, prepare)
    return np.stack([_sum(parts[target].values()) for target in targets])


def read_parts(
    track: Track, targets: tuple[str, ...], rate: int, channels: int, prepare: Prepare = _keep
) -> dict[str, dict[str, Audio]]:
    """Return the stems that add up to each target, `(channels, samples)` float32 at `rate` Hz, all of one length.

    `accompaniment` is everything but the vocals, `no-drums` everything but the drums: the other stems if the track has
    any, else the mixture minus that stem. `other` is every stem that no target has, so that the targets add up to the
    mixture: it holds the piano of data with a piano when that is no target. Any other target is the stem of that name.
    """
    stems = {name: prepare(_read(stem, rate, channels)) for name, stem in track.stems.items()}
    length = max(stem.shape[1] for stem in stems.values())
    fitted = {name: _fit(stem, length) for name, stem in stems.items()}
    parts = {target: _parts(fitted, target, targets) for target in targets}
    if missing := [target for target, found in parts.items() if not found]:
        raise UserError(
            f"track '{track.name}' has no stem for the target '{missing[0]}' (it has {', '.join(stems)}): "
            "change cache.targets"
        )
    return parts


def read_mixture(track: Track, rate: int, channels: int, prepare: Prepare = _keep) -> Audio:
    """Return the track's mixture, `(channels, samples)`: the recording itself, or the sum of stems without it."""
    if MIXTURE in track.stems:
        return prepare(_read(track.stems[MIXTURE], rate, channels))
    stems = [prepare(_read(stem, rate, channels)) for stem in track.stems.values()]
    length = max(stem.shape[1] for stem in stems)
    return _sum(_fit(stem, length) for stem in stems)


def _parts(stems: Mapping[str, Audio], target: str, targets: tuple[str, ...]) -> dict[str, Audio]:
    """Return the stems that sum to `target`, by name; an empty dict if the track lacks them."""
    if target == OTHER and (rest := _stems_without_target(stems, targets)):
        return rest
    if target in stems:
        return {target: stems[target]}
    left_out = excluded_stem(target) or ""
    if left_out not in stems:
        return {}
    others = {name: stem for name, stem in stems.items() if name not in (MIXTURE, left_out)}
    if others:
        return others
    return {target: stems[MIXTURE] - stems[left_out]} if MIXTURE in stems else {}


def _stems_without_target(stems: Mapping[str, Audio], targets: tuple[str, ...]) -> dict[str, Audio]:
    """Return the stems of `other`: those of no other target; none if another target is a sum of stems, too."""
    if any(excluded_stem(target) for target in targets):
        return {}
    return {name: stem for name, stem in stems.items() if name not in (MIXTURE, *(set(targets) - {OTHER}))}


def _read(stem: StemFile, rate: int, channels: int) -> Audio:
    samples, file_rate = read_audio(stem.path, stem.stream)
    return resample(convert_channels(samples, channels), file_rate, rate)


def _sum(stems: Iterable[Audio]) -> Audio:
    total: Audio = np.sum(list(stems), axis=0, dtype=np.float32)
    return total


def _fit(samples: Audio, length: int) -> Audio:
    return np.pad(samples[:, :length], ((0, 0), (0, max(0, length - samples.shape[1]))))


def _row(folder: Path, track: Track, stem: StemFile) -> dict[str, object]:
    return {
        "track": track.name,
        "artist": track.artist,
        "title": track.title,
        "genre": track.genre,
        "dataset": track.dataset,
        "split": track.split,
        "stem": stem.stem,
        "path": stem.path.relative_to(folder).as_posix(),
        "stream": stem.stream,
        "sha256": stem.sha256,
        "samples": stem.samples,
        "rate": stem.rate,
        "channels": stem.channels,
        "duration": round(stem.samples / stem.rate, 6),
    }


def _track(folder: Path, rows: pd.DataFrame) -> Track:
    records = rows.to_dict("records")
    first = records[0]
    return Track(
        name=str(first["track"]),
        artist=str(first["artist"]),
        title=str(first["title"]),
        dataset=str(first["dataset"]),
        split=str(first["split"]),
        stems={str(record["stem"]): _stem_file(folder, record) for record in records},
        genre=str(first["genre"]),
    )


def _stem_file(folder: Path, record: Mapping[Hashable, Any]) -> StemFile:
    return StemFile(
        stem=str(record["stem"]),
        path=folder / str(record["path"]),
        stream=int(record["stream"]),
        sha256=str(record["sha256"]),
        samples=int(record["samples"]),
        rate=int(record["rate"]),
        channels=int(record["channels"]),
    )
