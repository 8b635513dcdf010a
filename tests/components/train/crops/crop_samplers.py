"""Samplers of crops from small caches of noise."""

from pathlib import Path

import numpy as np

from components.core.data.cache_format import Part, ShardReader
from components.core.sound.decoding import Audio
from components.train.config import AugmentConfig
from components.train.crops.loading import Batch
from components.train.crops.sampler import CropSampler
from tests.components.train.train_music import (
    RATE,
    augment_config,
    noise,
    train_config,
    write_cache,
)

SAMPLES = RATE // 2
PLAIN = augment_config(gain_db=0.0, remix_share=0.0, swap_share=0.0, flip_share=0.0)
ALL = augment_config(gain_db=6.0, remix_share=0.5, swap_share=0.5, flip_share=0.5)
REMIXED = PLAIN.model_copy(update={"remix_share": 1.0})
PARTS = (Part("vocals", "vocals"), Part("accompaniment", "bass"), Part("accompaniment", "drums"))


class BatchSampler(CropSampler):
    """A sampler that draws a whole batch at once."""

    def batch(self, step: int, crops: range) -> Batch:
        drawn = [self.crop(step, number) for number in crops]
        return Batch(step, np.stack([crop.stems for crop in drawn]), tuple(crop.source for crop in drawn))


def sampler(
    reader: ShardReader,
    augment: AugmentConfig = ALL,
    seed: int = 3,
    datasets: dict[str, dict[str, float]] | None = None,
) -> BatchSampler:
    config = train_config(seed=seed, augment=augment.model_dump(), datasets=datasets or {})
    return BatchSampler(reader, SAMPLES, config)


def places(sources: tuple[str, ...]) -> list[list[str]]:
    """Return for each crop the tracks and positions of its stems."""
    return [[part.split(" of ", 1)[1] for part in source.split(", ")] for source in sources]


def one_track(folder: Path, stems: Audio) -> ShardReader:
    return ShardReader(write_cache(folder, {("train", "Only"): stems}), "train")


def parted_noise(seed: int, seconds: float) -> Audio:
    return np.concatenate([noise(seed, seconds), noise(seed + 100, seconds)])[: len(PARTS)]
