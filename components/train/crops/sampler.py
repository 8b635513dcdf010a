"""What the network sees at each step, as a pure function of the seed and the step.

Nothing is remembered from one batch to the next, so a resumed training, or one on another number of processes,
sees exactly the crops that an undisturbed one sees.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.core.base.errors import UserError
from components.core.data.cache_format import CachedTrack, Part, ShardReader
from components.core.sound.decoding import Audio
from components.train.config import TrainConfig
from components.train.crops.augmentation import Warp, band_limited, draw_warp, varied, warped


@dataclass(frozen=True)
class Batch:
    """`stems`, `(batch, targets, channels, samples)`, and for each crop where its stems come from."""

    step: int
    stems: Audio
    sources: tuple[str, ...]


class CropSampler:
    """Draws augmented crops of `samples` samples; within a dataset longer tracks are drawn more often."""

    def __init__(self, reader: ShardReader, samples: int, config: TrainConfig) -> None:
        self._reader, self._samples = reader, samples
        self._augment, self._seed = config.augment, config.seed
        self._tracks = _share_of(reader.tracks, config.data_share)
        if unknown := sorted(config.datasets.keys() - set(reader.targets)):
            raise UserError(f"train.datasets: no target '{unknown[0]}' (there are {', '.join(reader.targets)})")
        self._likelihood = {
            target: _likelihood(self._tracks, config.datasets.get(target, {}), target) for target in reader.targets
        }
        parts = {part for track in self._tracks for part in track.parts if part.target in self._likelihood}
        self._part_likelihood = {part: self._of_part(part) for part in parts}

    def batch(self, step: int, crops: range) -> Batch:
        """Return the crops with these numbers within the batch of `step`."""
        return _batch(step, [self.crop(step, number) for number in crops])

    def crop(self, step: int, number: int) -> tuple[Audio, str]:
        """Return crop `number` of the batch of `step`, `(targets, channels, samples)`, and where it comes from."""
        random = np.random.default_rng([self._seed, step, number])
        remixed = random.random() < self._augment.remix_share
        place = self._place(self._reader.targets[0], random)
        takes: list[_Take] = []
        for target in self._reader.targets:
            if remixed and takes:
                place = self._place(target, random)
            takes.append(self._take(target, place, remixed, random))
        stems = np.stack([take.audio for take in takes])
        limit = min(take.limit for take in takes)
        return band_limited(stems, limit, self._reader.rate), ", ".join(take.source for take in takes)

    def _take(self, target: str, place: "_Place", remixed: bool, random: np.random.Generator) -> "_Take":
        """Return the augmented stem of `target` at `place`, with what remixing and mixup add to it."""
        take = self._stem(target, place, remixed, random)
        if random.random() >= self._augment.mixup_share:
            return take
        other = self._stem(target, self._place(target, random), remixed, random)
        return _Take(take.audio + other.audio, min(take.limit, other.limit), f"{take.source} with {other.source}")

    def _stem(self, target: str, place: "_Place", remixed: bool, random: np.random.Generator) -> "_Take":
        warp = draw_warp(self._augment, random) if remixed else Warp()
        needed = warp.needed(self._samples)
        apart = remixed and random.random() < self._augment.part_remix_share
        parts = place.track.parts_of(target)
        places = [self._place_of_part(place, part, random) if apart else (place, part) for part in parts]
        audio = sum(
            (self._reader.read_part(where.track, part, where.start(needed), needed) for where, part in places),
            start=np.zeros((self._reader.channels, needed), np.float32),
        )
        stem = varied(warped(audio, warp, self._samples), self._augment, random)
        limit = min(where.track.bandwidth for where, _ in places) * min(1.0, warp.pitch)
        return _Take(
            stem, limit, f"{target} of '{place.track.name}' at {place.start(needed) / self._reader.rate:.2f} s"
        )

    def _place(self, target: str, random: np.random.Generator) -> "_Place":
        likelihood = self._likelihood[target]
        return _Place(self._tracks[random.choice(len(likelihood), p=likelihood)], random.random())

    def _place_of_part(self, place: "_Place", part: int, random: np.random.Generator) -> tuple["_Place", int]:
        """Return another track's place for a part of the same name; the first part stays where it is."""
        wanted = place.track.parts[part]
        if part == place.track.parts_of(wanted.target)[0]:
            return place, part
        likelihood = self._part_likelihood[wanted]
        other = self._tracks[random.choice(len(likelihood), p=likelihood)]
        return _Place(other, random.random()), other.parts.index(wanted)

    def _of_part(self, part: Part) -> NDArray[np.float64]:
        """Return how likely each track is drawn for a part: as for its target, among those that have it."""
        having = np.array([part in track.parts for track in self._tracks])
        likelihood = np.where(having, self._likelihood[part.target], 0.0)
        return _to_one(likelihood) if likelihood.any() else likelihood


def _batch(step: int, crops: list[tuple[Audio, str]]) -> Batch:
    return Batch(step, np.stack([stems for stems, _ in crops]), tuple(source for _, source in crops))


@dataclass(frozen=True)
class _Place:
    """A track, and how far into it, from 0 to 1."""

    track: CachedTrack
    position: float

    def start(self, samples: int) -> int:
        """Return where a crop of `samples` samples begins."""
        return int(self.position * (max(self.track.samples - samples, 0) + 1))


@dataclass(frozen=True)
class _Take:
    """A stem, `(channels, samples)`, with nothing in it above `limit` Hz, and where it comes from."""

    audio: Audio
    limit: float
    source: str


def _share_of(tracks: list[CachedTrack], share: float) -> list[CachedTrack]:
    """Return the share of each dataset's tracks, drawn by a hash of their names, in their own order."""
    chosen: set[str] = set()
    for dataset in {track.dataset for track in tracks}:
        names = [track.name for track in tracks if track.dataset == dataset]
        names.sort(key=lambda name: hashlib.sha256(name.encode()).digest())
        chosen.update(names[: math.ceil(share * len(names))])
    return [track for track in tracks if track.name in chosen]


def _likelihood(tracks: list[CachedTrack], shares: Mapping[str, float], target: str) -> NDArray[np.float64]:
    """Return how likely each track is drawn for `target`; raises UserError for a share of a dataset without tracks."""
    lengths = np.array([track.samples for track in tracks], dtype=np.float64)
    if not shares:
        return _to_one(lengths)
    datasets = np.array([track.dataset for track in tracks])
    if missing := sorted(shares.keys() - set(datasets)):
        there = ", ".join(sorted(set(datasets)))
        raise UserError(f"train.datasets.{target}: no training track is of {missing[0]} (there are {there})")
    likelihood = np.zeros_like(lengths)
    for dataset, share in shares.items():
        chosen = datasets == dataset
        likelihood[chosen] = share * lengths[chosen] / lengths[chosen].sum()
    return _to_one(likelihood)


def _to_one(values: NDArray[np.float64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = values / values.sum()
    return shares


def batches(sampler: CropSampler, steps: range, crops: range, threads: int) -> Iterator[Batch]:
    """Yield the batches of `steps`, the next two being prepared while one is used, crop by crop on `threads` threads.

    Reading, transforming and resampling let go of Python's lock, so threads gain almost in proportion.
    """
    with ThreadPoolExecutor(threads) as pool:

        def prepare(step: int) -> list[Future[tuple[Audio, str]]]:
            return [pool.submit(sampler.crop, step, number) for number in crops]

        ahead = [prepare(step) for step in steps[:2]]
        for step in steps:
            drawn = [crop.result() for crop in ahead.pop(0)]
            if step + 2 < steps.stop:
                ahead.append(prepare(step + 2))
            yield _batch(step, drawn)
