"""Crops drawn from data sets by their shares."""

from pathlib import Path

import numpy as np
import pytest

from components.core.base.errors import UserError
from components.core.data.cache_format import ShardReader
from tests.components.train.crops.crop_samplers import (
    PLAIN,
    REMIXED,
    SAMPLES,
    BatchSampler,
    places,
    sampler,
)
from tests.components.train.train_music import (
    TARGETS,
    noise,
    train_config,
    write_cache,
)


@pytest.fixture(scope="module")
def two_sets(tmp_path_factory: pytest.TempPathFactory) -> ShardReader:
    """The data set `made` has two tracks, of 1 and 3 seconds, `small` one of 1."""
    tracks = {("train", name): noise(seconds, seconds) for name, seconds in (("Big", 1), ("Bigger", 3), ("Small", 1))}
    folder = tmp_path_factory.mktemp("sets")
    return ShardReader(write_cache(folder, tracks, labels={"Small": {"dataset": "small"}}), "train")


def heard(reader: ShardReader, datasets: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return for each target how often each track is heard, over many remixed crops."""
    crops = places(sampler(reader, REMIXED, datasets=datasets).batch(0, range(600)).sources)
    names = [track.name for track in reader.tracks]
    return {
        target: {name: float(np.mean([f"'{name}'" in crop[number] for crop in crops])) for name in names}
        for number, target in enumerate(TARGETS)
    }


def test_datasets_are_drawn_by_their_shares(two_sets: ShardReader) -> None:
    assert {track.dataset for track in two_sets.tracks} == {"made", "small"}
    shares = heard(two_sets, {"vocals": {"made": 0.4, "small": 0.6}, "accompaniment": {"small": 1.0}})
    # within a data set by length
    assert shares["vocals"] == pytest.approx({"made/Big": 0.1, "made/Bigger": 0.3, "made/Small": 0.6}, abs=0.06)
    assert shares["accompaniment"] == {"made/Big": 0, "made/Bigger": 0, "made/Small": 1}


def test_shares_need_not_sum_to_one(two_sets: ShardReader) -> None:
    shares = heard(two_sets, {"vocals": {"made": 4.0, "small": 12.0}})
    assert shares["vocals"]["made/Small"] == pytest.approx(0.75, abs=0.06)
    # a target without an entry draws tracks by length
    expected = {"made/Big": 0.2, "made/Bigger": 0.6, "made/Small": 0.2}
    assert shares["accompaniment"] == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize(
    ("datasets", "says"),
    [
        (
            {"vocals": {"maid": 1.0}},
            r"train\.datasets\.vocals: no training track comes from maid: choose from made, small",
        ),
        ({"drums": {"made": 1.0}}, r"train\.datasets: there is no target 'drums': choose from vocals, accompaniment"),
        ({"vocals": {"made": -1.0, "small": 2.0}}, r"train\.datasets\.vocals"),
        ({"vocals": {"made": 0.0}}, r"train\.datasets\.vocals"),
    ],
)
def test_datasets_that_cannot_be_drawn_are_a_user_error(
    two_sets: ShardReader, datasets: dict[str, dict[str, float]], says: str
) -> None:
    with pytest.raises(UserError, match=says) as raised:
        sampler(two_sets, datasets=datasets)
    assert "\n" not in str(raised.value)


def test_smaller_data_share_is_a_subset_of_a_larger_one(tmp_path: Path) -> None:
    tracks = {("train", f"Song {number}"): noise(number, 0.6) for number in range(20)}
    labels = {f"Song {number}": {"dataset": "small"} for number in range(4)}
    reader = ShardReader(write_cache(tmp_path, tracks, labels=labels), "train")
    datasets = {track.name: track.dataset for track in reader.tracks}

    def names(share: float) -> set[str]:
        config = train_config(augment=PLAIN.model_dump(), data_share=share)
        crops = BatchSampler(reader, SAMPLES, config).batch(0, range(400)).sources
        return {place.split("'")[1] for source in crops for place in source.split(", ")}

    chosen = {share: names(share) for share in (0.01, 0.25, 0.5, 1.0)}
    assert chosen[0.01] < chosen[0.25] < chosen[0.5] < chosen[1.0] == set(datasets)
    counts = {share: sum(datasets[name] == "small" for name in found) for share, found in chosen.items()}
    assert counts == {0.01: 1, 0.25: 1, 0.5: 2, 1.0: 4}  # of each data set its share, at least one
    assert {share: len(found) for share, found in chosen.items()} == {0.01: 2, 0.25: 5, 0.5: 10, 1.0: 20}
