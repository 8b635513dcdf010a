"""Crops: a pure function of seed, step and number, augmented as the parameters say."""

from pathlib import Path

import numpy as np
import pytest
from train_music import RATE, TARGETS, noise, noise_cache, train_config, write_cache

from components.core.audio import Audio
from components.core.shards import ShardReader
from components.train.config import AugmentConfig
from components.train.crops import CropSampler, batches

SAMPLES = RATE // 2
PLAIN = AugmentConfig(gain_db=0.0, remix_share=0.0, swap_share=0.0, flip_share=0.0)
ALL = AugmentConfig(gain_db=6.0, remix_share=0.5, swap_share=0.5, flip_share=0.5)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> ShardReader:
    return ShardReader(noise_cache(tmp_path_factory.mktemp("cache")), "train")


def one_track(folder: Path, stems: Audio) -> ShardReader:
    return ShardReader(write_cache(folder, {("train", "Only"): stems}), "train")


def sampler(
    reader: ShardReader,
    augment: AugmentConfig = ALL,
    seed: int = 3,
    datasets: dict[str, dict[str, float]] | None = None,
) -> CropSampler:
    config = train_config(seed=seed, augment=augment.model_dump(), datasets=datasets or {})
    return CropSampler(reader, SAMPLES, config)


def places(sources: tuple[str, ...]) -> list[list[str]]:
    """Return for each crop the places of its stems, without the stems' names."""
    return [[part.split(" of ", 1)[1] for part in source.split(", ")] for source in sources]


def test_a_batch_has_a_row_a_crop_and_names_the_source_of_every_stem(reader: ShardReader) -> None:
    batch = sampler(reader).batch(5, range(4))
    assert batch.step == 5
    assert batch.stems.shape == (4, len(TARGETS), 2, SAMPLES)
    assert batch.stems.dtype == np.float32
    for source in batch.sources:
        assert source.startswith("vocals of 'made/Song ")
        assert ", accompaniment of 'made/Song " in source
        assert source.count(" s") >= 2


def test_crops_depend_on_nothing_but_seed_step_and_number(reader: ShardReader) -> None:
    first = sampler(reader)
    undisturbed = first.batch(7, range(4))
    other = sampler(reader)
    other.batch(0, range(9))
    again = other.batch(7, range(4))
    assert np.array_equal(undisturbed.stems, again.stems)
    assert undisturbed.sources == again.sources


@pytest.mark.parametrize("processes", [2, 3, 4])
def test_several_processes_together_see_what_one_sees(reader: ShardReader, processes: int) -> None:
    whole = sampler(reader).batch(11, range(6))
    parts = [sampler(reader).batch(11, range(rank, 6, processes)) for rank in range(processes)]
    for number in range(6):
        part = parts[number % processes]
        assert np.array_equal(whole.stems[number], part.stems[number // processes])
        assert whole.sources[number] == part.sources[number // processes]


def test_another_seed_step_or_number_gives_another_crop(reader: ShardReader) -> None:
    batch = sampler(reader).batch(1, range(2))
    others = [
        batch.stems[1],
        sampler(reader).batch(2, range(1)).stems[0],
        sampler(reader, seed=4).batch(1, range(1)).stems[0],
    ]
    for other in others:
        assert not np.array_equal(batch.stems[0], other)


def test_without_augmentation_a_crop_is_what_the_cache_holds(reader: ShardReader) -> None:
    batch = sampler(reader, PLAIN).batch(0, range(12))
    for stems, source in zip(batch.stems, places(batch.sources), strict=True):
        assert source[0] == source[1]  # both stems of one place
        name, time = source[0].split(" at ")
        track = next(track for track in reader.tracks if f"'{track.name}'" == name)
        # the source names the place to a hundredth of a second
        about = round(float(time.removesuffix(" s")) * RATE)
        starts = range(max(0, about - RATE // 100), about + RATE // 100)
        whole = reader.read(track, TARGETS[0], 0, track.samples)
        hits = [start for start in starts if np.array_equal(whole[:, start : start + SAMPLES], stems[0])]
        assert len(hits) == 1
        assert np.array_equal(reader.read(track, TARGETS[1], hits[0], SAMPLES), stems[1])


@pytest.mark.parametrize(("share", "expected"), [(0.0, False), (1.0, True)])
def test_flips_and_swaps_at_the_extremes(tmp_path: Path, share: float, expected: bool) -> None:
    rising = np.stack([np.linspace(0.1, 0.2, SAMPLES), np.linspace(0.5, 0.9, SAMPLES)])
    reader = one_track(tmp_path, np.stack([rising, rising]).astype(np.float32))
    flipped = sampler(reader, PLAIN.model_copy(update={"flip_share": share}), 0).batch(0, range(8)).stems
    assert bool((flipped < 0).all()) is expected
    assert bool((flipped > 0).all()) is not expected
    swapped = sampler(reader, PLAIN.model_copy(update={"swap_share": share}), 0).batch(0, range(8)).stems
    left, right = swapped[:, :, 0], swapped[:, :, 1]
    assert bool((left > right).all()) is expected
    assert bool((left < right).all()) is not expected


def test_stems_are_flipped_and_gained_on_their_own(tmp_path: Path) -> None:
    reader = one_track(tmp_path, np.full((2, 2, SAMPLES), 0.5, np.float32))
    stems = sampler(reader, PLAIN.model_copy(update={"gain_db": 6.0}), 0).batch(0, range(200)).stems
    gains = 20 * np.log10(stems[..., 0, 0] / 0.5)
    assert gains.min() >= -6.01
    assert gains.max() <= 6.01
    assert gains.max() - gains.min() > 10
    assert abs(np.corrcoef(gains[:, 0], gains[:, 1])[0, 1]) < 0.3
    flipped = sampler(reader, PLAIN.model_copy(update={"flip_share": 0.5}), 0).batch(0, range(200)).stems
    signs = np.sign(flipped[..., 0, 0])
    assert 0.3 < (signs[:, 0] != signs[:, 1]).mean() < 0.7


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0.0, 0.0), (0.5, 0.3, 0.7), (1.0, 0.95, 1.0)])
def test_share_of_remixed_crops(reader: ShardReader, share: float, low: float, high: float) -> None:
    batch = sampler(reader, PLAIN.model_copy(update={"remix_share": share})).batch(0, range(200))
    remixed = np.mean([first != second for first, second in places(batch.sources)])
    assert low <= remixed <= high


def test_longer_tracks_are_drawn_more_often(tmp_path: Path) -> None:
    tracks = {("train", "Long"): noise(0, 6), ("train", "Short"): noise(1, 2)}
    batch = sampler(ShardReader(write_cache(tmp_path, tracks), "train"), PLAIN).batch(0, range(400))
    assert np.mean(["Long" in source for source in batch.sources]) == pytest.approx(0.75, abs=0.08)


def test_a_track_shorter_than_a_crop_is_padded_with_silence(tmp_path: Path) -> None:
    short = np.full((2, 2, SAMPLES // 4), 0.5, np.float32)
    stems = sampler(one_track(tmp_path, short), PLAIN).batch(0, range(3)).stems
    assert stems.shape[-1] == SAMPLES
    assert np.allclose(stems[..., : SAMPLES // 4], 0.5, atol=1e-4)
    assert not stems[..., SAMPLES // 4 :].any()


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("steps", [range(0), range(3, 4), range(2, 7)])
def test_batches_come_in_order_and_are_those_of_the_sampler(reader: ShardReader, steps: range, threads: int) -> None:
    seen = list(batches(sampler(reader), steps, range(2), threads))
    assert [batch.step for batch in seen] == list(steps)
    for batch in seen:
        assert np.array_equal(batch.stems, sampler(reader).batch(batch.step, range(2)).stems)
