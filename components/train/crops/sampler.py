"""Training crops as a pure function of seed, step and number.

No state passes from one crop to the next. So a resumed training, or one on another number of processes, uses exactly
the crops of an undisturbed one.
"""

from dataclasses import dataclass

import numpy as np

from components.core.base.errors import UserError
from components.core.data.cache_format import CachedTrack, ShardReader
from components.core.sound.decoding import Audio
from components.train.config import TrainConfig
from components.train.crops.augmentation import Warp, draw_warp, limit_band, vary_level_and_channels, warp_stem
from components.train.crops.probabilities import choose_share, part_probabilities, track_probabilities


@dataclass(frozen=True)
class Crop:
    """The stems of a crop, `(targets, channels, samples)`, and where they come from."""

    stems: Audio
    source: str


class CropSampler:
    """Draws augmented crops of `samples` samples; within a dataset longer tracks are drawn more often."""

    def __init__(self, reader: ShardReader, samples: int, config: TrainConfig) -> None:
        self._reader, self._samples = reader, samples
        self._augment, self._seed = config.augment, config.seed
        self._tracks = choose_share(reader.tracks, config.data_share)
        if unknown := sorted(config.datasets.keys() - set(reader.targets)):
            raise UserError(
                f"train.datasets: there is no target '{unknown[0]}': choose from {', '.join(reader.targets)}"
            )
        self._probabilities = {
            target: track_probabilities(self._tracks, config.datasets.get(target, {}), target)
            for target in reader.targets
        }
        self._part_probabilities = {
            part: part_probabilities(self._tracks, part, self._probabilities[part.target])
            for part in {part for track in self._tracks for part in track.parts}
            if part.target in self._probabilities
        }

    def crop(self, step: int, number: int) -> Crop:
        """Return crop `number` of the batch of `step`."""
        random = np.random.default_rng([self._seed, step, number])
        is_remixed = random.random() < self._augment.remix_share
        excerpt = self._draw_excerpt(self._reader.targets[0], random)
        stems: list[_Stem] = []
        for target in self._reader.targets:
            if is_remixed and stems:
                excerpt = self._draw_excerpt(target, random)
            stems.append(self._stem(target, excerpt, is_remixed, random))
        audio = np.stack([stem.audio for stem in stems])
        limit = min(stem.limit for stem in stems)
        return Crop(limit_band(audio, limit, self._reader.rate), ", ".join(stem.source for stem in stems))

    def _stem(self, target: str, excerpt: "_Excerpt", is_remixed: bool, random: np.random.Generator) -> "_Stem":
        """Return the augmented stem of `target`, perhaps with a second track's stem added (mixup)."""
        stem = self._augmented(target, excerpt, is_remixed, random)
        if random.random() >= self._augment.mixup_share:
            return stem
        other = self._augmented(target, self._draw_excerpt(target, random), is_remixed, random)
        return _Stem(stem.audio + other.audio, min(stem.limit, other.limit), f"{stem.source} with {other.source}")

    def _augmented(self, target: str, excerpt: "_Excerpt", is_remixed: bool, random: np.random.Generator) -> "_Stem":
        warp = draw_warp(self._augment, random) if is_remixed else Warp()
        needed = warp.input_samples(self._samples)
        from_other_tracks = is_remixed and random.random() < self._augment.part_remix_share
        parts = [(excerpt, part) for part in excerpt.track.parts_of(target)]
        if from_other_tracks:  # the first part stays
            parts[1:] = [self._draw_part(excerpt, part, random) for _, part in parts[1:]]
        audio = sum(
            (self._reader.read_part(place.track, part, place.start(needed), needed) for place, part in parts),
            start=np.zeros((self._reader.channels, needed), np.float32),
        )
        audio = vary_level_and_channels(warp_stem(audio, warp, self._samples), self._augment, random)
        limit = min(place.track.bandwidth for place, _ in parts) * min(1.0, warp.pitch)
        seconds = excerpt.start(needed) / self._reader.rate
        return _Stem(audio, limit, f"{target} of '{excerpt.track.name}' at {seconds:.2f} s")

    def _draw_excerpt(self, target: str, random: np.random.Generator) -> "_Excerpt":
        probabilities = self._probabilities[target]
        return _Excerpt(self._tracks[random.choice(len(probabilities), p=probabilities)], random.random())

    def _draw_part(self, excerpt: "_Excerpt", part: int, random: np.random.Generator) -> tuple["_Excerpt", int]:
        """Draw an excerpt of a track that has the same part; return it and the number of the part there."""
        wanted = excerpt.track.parts[part]
        probabilities = self._part_probabilities[wanted]
        other = self._tracks[random.choice(len(probabilities), p=probabilities)]
        return _Excerpt(other, random.random()), other.parts.index(wanted)


@dataclass(frozen=True)
class _Excerpt:
    """A track, and the position of an excerpt in it, from 0 (start) to 1 (end)."""

    track: CachedTrack
    position: float

    def start(self, samples: int) -> int:
        """Return the first sample of an excerpt of `samples` samples."""
        return int(self.position * (max(self.track.samples - samples, 0) + 1))


@dataclass(frozen=True)
class _Stem:
    """A stem, `(channels, samples)`, without frequencies above `limit` Hz, and where it comes from."""

    audio: Audio
    limit: float
    source: str
