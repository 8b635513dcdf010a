"""Caches that the tests of crops share."""

import pytest

from components.core.data.cache_format import ShardReader, write_parts
from tests.components.train.crops.crop_samplers import PARTS, parted_noise
from tests.components.train.train_music import (
    RATE,
    WHOLE,
    noise,
    noise_cache,
    write_cache,
)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> ShardReader:
    return ShardReader(noise_cache(tmp_path_factory.mktemp("cache")), "train")


@pytest.fixture(scope="module")
def varied_reader(tmp_path_factory: pytest.TempPathFactory) -> ShardReader:
    """Tracks of two data sets: three in parts and of the whole band, one whole and of half of the band."""
    tracks = {("train", f"Wide {number}"): parted_noise(number, 1 + number) for number in range(3)}
    tracks |= {("train", "Narrow"): noise(7, 4)}
    labels = {"Narrow": {"dataset": "other", "bandwidth": RATE / 4, "parts": write_parts(WHOLE)}}
    return ShardReader(write_cache(tmp_path_factory.mktemp("varied"), tracks, labels=labels, parts=PARTS), "train")
