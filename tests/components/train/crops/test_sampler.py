"""Crops: a pure function of seed, step and number, augmented as the parameters say."""

from pathlib import Path

import numpy as np
import pytest

from components.core.data.cache_format import ShardReader
from components.train.crops.loading import load_batches
from tests.components.train.crops.crop_samplers import (
    PLAIN,
    SAMPLES,
    one_track,
    places,
    sampler,
)
from tests.components.train.train_music import (
    RATE,
    TARGETS,
    augment_config,
    noise,
    write_cache,
)


def test_batch_has_a_row_per_crop_and_names_its_sources(reader: ShardReader) -> None:
    batch = sampler(reader).batch(5, range(4))
    assert batch.step == 5
    assert batch.stems.shape == (4, len(TARGETS), 2, SAMPLES)
    assert batch.stems.dtype == np.float32
    for source in batch.sources:
        assert source.startswith("vocals of 'made/Song ")
        assert ", accompaniment of 'made/Song " in source
        assert source.count(" s") >= 2


def test_crops_depend_on_seed_step_and_number_only(reader: ShardReader) -> None:
    first = sampler(reader)
    undisturbed = first.batch(7, range(4))
    other = sampler(reader)
    other.batch(0, range(9))
    again = other.batch(7, range(4))
    assert np.array_equal(undisturbed.stems, again.stems)
    assert undisturbed.sources == again.sources


@pytest.mark.parametrize("processes", [2, 3, 4])
def test_several_processes_draw_the_same_crops_as_one(reader: ShardReader, processes: int) -> None:
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


def test_crop_without_augmentation_equals_the_cache(reader: ShardReader) -> None:
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
def test_flip_and_swap_shares_work_at_the_extremes(tmp_path: Path, share: float, expected: bool) -> None:
    rising = np.stack([np.linspace(0.1, 0.2, SAMPLES), np.linspace(0.5, 0.9, SAMPLES)])
    reader = one_track(tmp_path, np.stack([rising, rising]).astype(np.float32))
    flipped = sampler(reader, PLAIN.model_copy(update={"flip_share": share}), 0).batch(0, range(8)).stems
    assert bool((flipped < 0).all()) is expected
    assert bool((flipped > 0).all()) is not expected
    swapped = sampler(reader, PLAIN.model_copy(update={"swap_share": share}), 0).batch(0, range(8)).stems
    left, right = swapped[:, :, 0], swapped[:, :, 1]
    assert bool((left > right).all()) is expected
    assert bool((left < right).all()) is not expected


def test_stems_are_augmented_independently(tmp_path: Path) -> None:
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
def test_remix_share_sets_the_rate_of_remixed_crops(reader: ShardReader, share: float, low: float, high: float) -> None:
    batch = sampler(reader, PLAIN.model_copy(update={"remix_share": share})).batch(0, range(200))
    remixed = np.mean([first != second for first, second in places(batch.sources)])
    assert low <= remixed <= high


def test_longer_tracks_are_drawn_more_often(tmp_path: Path) -> None:
    tracks = {("train", "Long"): noise(0, 6), ("train", "Short"): noise(1, 2)}
    batch = sampler(ShardReader(write_cache(tmp_path, tracks), "train"), PLAIN).batch(0, range(400))
    assert np.mean(["Long" in source for source in batch.sources]) == pytest.approx(0.75, abs=0.08)


def test_short_track_is_padded_with_silence(tmp_path: Path) -> None:
    short = np.full((2, 2, SAMPLES // 4), 0.5, np.float32)
    stems = sampler(one_track(tmp_path, short), PLAIN).batch(0, range(3)).stems
    assert stems.shape[-1] == SAMPLES
    assert np.allclose(stems[..., : SAMPLES // 4], 0.5, atol=1e-4)
    assert not stems[..., SAMPLES // 4 :].any()


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("steps", [range(0), range(3, 4), range(2, 7)])
def test_batches_have_the_order_and_content_of_the_sampler(reader: ShardReader, steps: range, threads: int) -> None:
    seen = list(load_batches(sampler(reader), steps, range(2), threads))
    assert [batch.step for batch in seen] == list(steps)
    for batch in seen:
        assert np.array_equal(batch.stems, sampler(reader).batch(batch.step, range(2)).stems)


EVERYTHING = augment_config(
    remix_share=0.7,
    part_remix_share=0.5,
    mixup_share=0.3,
    silence_share=0.1,
    warp_share=0.5,
)


def test_fully_augmented_crops_depend_on_seed_step_and_number_only(
    varied_reader: ShardReader,
) -> None:
    shares = {"vocals": {"made": 0.5, "other": 0.5}}
    whole = sampler(varied_reader, EVERYTHING, datasets=shares).batch(7, range(12))
    again = sampler(varied_reader, EVERYTHING, datasets=shares)
    again.batch(3, range(5))
    for number in reversed(range(12)):
        crop = again.crop(7, number)
        assert np.array_equal(crop.stems, whole.stems[number])
        assert crop.source == whole.sources[number]
    [threaded] = load_batches(again, range(7, 8), range(12), 3)
    assert np.array_equal(threaded.stems, whole.stems)
    assert whole.stems.dtype == np.float32
    assert whole.stems.shape == (12, len(TARGETS), 2, SAMPLES)
    assert np.isfinite(whole.stems).all()
    other_seed = sampler(varied_reader, EVERYTHING, seed=4, datasets=shares).batch(7, range(12))
    assert not any(np.array_equal(*pair) for pair in zip(other_seed.stems, whole.stems, strict=True))
