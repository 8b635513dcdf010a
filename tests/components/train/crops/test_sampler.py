"""Crops: a pure function of seed, step and number, augmented as the parameters say."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from components.core.base.errors import UserError
from components.core.data.cache_format import Part, ShardReader, write_parts
from components.core.sound.decoding import Audio
from components.train.config import AugmentConfig
from components.train.crops.augmentation import Warp
from components.train.crops.loading import Batch, load_batches
from components.train.crops.sampler import CropSampler
from tests.components.train.train_music import (
    RATE,
    TARGETS,
    WHOLE,
    augment_config,
    noise,
    noise_cache,
    train_config,
    write_cache,
)

SAMPLES = RATE // 2
PLAIN = augment_config(gain_db=0.0, remix_share=0.0, swap_share=0.0, flip_share=0.0)
ALL = augment_config(gain_db=6.0, remix_share=0.5, swap_share=0.5, flip_share=0.5)


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
) -> "BatchSampler":
    config = train_config(seed=seed, augment=augment.model_dump(), datasets=datasets or {})
    return BatchSampler(reader, SAMPLES, config)


class BatchSampler(CropSampler):
    """A sampler that draws a whole batch at once."""

    def batch(self, step: int, crops: range) -> Batch:
        drawn = [self.crop(step, number) for number in crops]
        return Batch(step, np.stack([crop.stems for crop in drawn]), tuple(crop.source for crop in drawn))


def places(sources: tuple[str, ...]) -> list[list[str]]:
    """Return for each crop the tracks and positions of its stems."""
    return [[part.split(" of ", 1)[1] for part in source.split(", ")] for source in sources]


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


# parts, mixup, data sets, bands

PARTS = (Part("vocals", "vocals"), Part("accompaniment", "bass"), Part("accompaniment", "drums"))
EVERYTHING = augment_config(
    remix_share=0.7,
    part_remix_share=0.5,
    mixup_share=0.3,
    silence_share=0.1,
    warp_share=0.5,
)
REMIXED = PLAIN.model_copy(update={"remix_share": 1.0})


def parted_noise(seed: int, seconds: float) -> Audio:
    return np.concatenate([noise(seed, seconds), noise(seed + 100, seconds)])[: len(PARTS)]


@pytest.fixture(scope="module")
def varied_reader(tmp_path_factory: pytest.TempPathFactory) -> ShardReader:
    """Tracks of two data sets: three in parts and of the whole band, one whole and of half of the band."""
    tracks = {("train", f"Wide {number}"): parted_noise(number, 1 + number) for number in range(3)}
    tracks |= {("train", "Narrow"): noise(7, 4)}
    labels = {"Narrow": {"dataset": "other", "bandwidth": RATE / 4, "parts": write_parts(WHOLE)}}
    return ShardReader(write_cache(tmp_path_factory.mktemp("varied"), tracks, labels=labels, parts=PARTS), "train")


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


def constant_reader(folder: Path, count: int = 3) -> ShardReader:
    """Tracks whose parts are constants: 0.1 · the track's number for the bass, 0.001 · for the drums; vocals 0.5."""
    stems = [np.array([0.5, 0.1 * number, 0.001 * number], np.float32) for number in range(1, count + 1)]
    tracks = {
        ("train", f"Song {number}"): np.repeat(levels, 2 * RATE).reshape(len(PARTS), 2, RATE)
        for number, levels in enumerate(stems, start=1)
    }
    return ShardReader(write_cache(folder, tracks, parts=PARTS), "train")


def bass_and_drums(stems: Audio) -> NDArray[np.int64]:
    """Return which tracks of `constant_reader` the bass and the drums of each crop come from, `(crops, 2)`."""
    levels = stems[:, 1, 0, 0]
    bass = np.floor(levels / 0.1)
    return np.stack([bass, np.rint((levels - 0.1 * bass) / 0.001)], axis=1).astype(np.int64)


@pytest.mark.parametrize(("share", "apart"), [(0.0, 0.0), (0.5, 1 / 3), (1.0, 2 / 3)])
def test_parts_of_a_target_come_from_different_tracks(tmp_path: Path, share: float, apart: float) -> None:
    """Two of the three tracks with drums differ from the track of the bass."""
    augment = REMIXED.model_copy(update={"part_remix_share": share})
    batch = sampler(constant_reader(tmp_path), augment).batch(0, range(400))
    tracks = bass_and_drums(batch.stems)
    assert set(tracks.ravel().tolist()) == {1, 2, 3}
    assert np.mean(tracks[:, 0] != tracks[:, 1]) == pytest.approx(apart, abs=0.08)
    # the first part is of the track that is named
    for [bass, _], [_, accompaniment] in zip(tracks, places(batch.sources), strict=True):
        assert accompaniment.startswith(f"'made/Song {bass}' at ")
    assert np.allclose(batch.stems[:, 0], 0.5, atol=1e-3)


def test_part_is_exchanged_only_for_one_of_the_same_name(varied_reader: ShardReader) -> None:
    """The narrow track has one part, its accompaniment, which no bass or drums can replace."""
    only = {target: {"other": 1.0} for target in TARGETS}
    together, apart = (
        sampler(varied_reader, REMIXED.model_copy(update={"part_remix_share": share}), datasets=only).batch(0, range(8))
        for share in (0.0, 1.0)
    )
    assert np.array_equal(together.stems, apart.stems)
    assert all(source.count("'made/Narrow'") == 2 for source in apart.sources)


def test_crop_without_remix_keeps_tempo_pitch_and_parts(varied_reader: ShardReader) -> None:
    changes = {"warp_share": 1.0, "part_remix_share": 1.0}
    plain = sampler(varied_reader, PLAIN).batch(0, range(8))
    left_alone = sampler(varied_reader, PLAIN.model_copy(update=changes)).batch(0, range(8))
    assert np.array_equal(plain.stems, left_alone.stems)
    assert plain.sources == left_alone.sources
    remixed = sampler(varied_reader, REMIXED).batch(0, range(8))
    for change in changes:
        changed = sampler(varied_reader, REMIXED.model_copy(update={change: 1.0})).batch(0, range(8))
        assert not np.array_equal(remixed.stems, changed.stems)


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0.0, 0.0), (0.3, 0.22, 0.38), (1.0, 1.0, 1.0)])
def test_mixup_share_sets_the_rate_of_second_stems(tmp_path: Path, share: float, low: float, high: float) -> None:
    batch = sampler(constant_reader(tmp_path), REMIXED.model_copy(update={"mixup_share": share})).batch(0, range(300))
    vocals = batch.stems[:, 0, 0, 0]
    assert np.all(np.isclose(vocals, 0.5, atol=1e-3) | np.isclose(vocals, 1.0, atol=1e-3))
    doubled = vocals > 0.75
    assert low <= doubled.mean() <= high
    named = [source.split(", accompaniment")[0].count(" with vocals of 'made/Song ") for source in batch.sources]
    assert named == doubled.astype(int).tolist()


def test_second_stem_is_augmented_independently(tmp_path: Path) -> None:
    augment = REMIXED.model_copy(update={"mixup_share": 1.0, "flip_share": 0.5})
    vocals = sampler(constant_reader(tmp_path), augment).batch(0, range(300)).stems[:, 0, 0, 0]
    for sum_of_two, share in ((-1.0, 0.25), (0.0, 0.5), (1.0, 0.25)):
        assert np.mean(np.isclose(vocals, sum_of_two, atol=2e-3)) == pytest.approx(share, abs=0.09)


# data sets


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


# bands


def level_above(stems: Audio, limit: float) -> NDArray[np.float64]:
    """Return the loudest magnitude above `limit` (Hz) of each stem, relative to its loudest; edges fade out."""
    spectrum = np.abs(np.fft.rfft(stems * np.hanning(stems.shape[-1])))
    above = np.fft.rfftfreq(stems.shape[-1], 1 / RATE) > limit
    loudest: NDArray[np.float64] = spectrum[..., above].max(axis=(-2, -1)) / spectrum.max(axis=(-2, -1))
    return loudest


def test_narrowest_stem_limits_the_whole_crop(varied_reader: ShardReader) -> None:
    batch = sampler(varied_reader, REMIXED).batch(0, range(40))
    limited = np.array(["'made/Narrow'" in source for source in batch.sources])
    assert 5 < limited.sum() < 35
    levels = level_above(batch.stems, 1.01 * RATE / 4)
    assert levels[limited].max() < 2e-3
    assert levels[~limited].min() > 0.3


def test_second_stem_limits_the_crop(varied_reader: ShardReader) -> None:
    mixed = sampler(varied_reader, REMIXED.model_copy(update={"mixup_share": 1.0})).batch(0, range(40))
    second = [source for source in mixed.sources if "with vocals of 'made/Narrow'" in source]
    assert second
    limited = np.array(["'made/Narrow'" in source for source in mixed.sources])
    levels = level_above(mixed.stems, 1.01 * RATE / 4)
    assert levels[limited].max() < 2e-3
    assert levels[~limited].min() > 0.3


def test_part_of_a_narrow_track_limits_the_crop(tmp_path: Path) -> None:
    tracks = {("train", "Wide"): parted_noise(0, 3), ("train", "Narrow"): parted_noise(1, 3)}
    labels = {"Narrow": {"bandwidth": RATE / 4}}
    reader = ShardReader(write_cache(tmp_path, tracks, labels=labels, parts=PARTS), "train")
    batch = sampler(reader, REMIXED.model_copy(update={"part_remix_share": 1.0})).batch(0, range(60))
    levels = level_above(batch.stems, 1.01 * RATE / 4)
    limited = levels.max(axis=1) < 2e-3
    assert (limited | (levels.min(axis=1) > 0.3)).all()
    # of the crops whose vocals and bass are wide, some have narrow drums
    wide = np.array(["'made/Narrow'" not in source for source in batch.sources])
    assert limited[~wide].all()
    assert 0.2 < limited[wide].mean() < 0.8


def test_lower_pitch_lowers_the_limit(varied_reader: ShardReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.train.crops.sampler.draw_warp", lambda *_: Warp(1.0, 0.5))
    only = {target: {"made": 1.0} for target in TARGETS}
    levels = [
        level_above(sampler(varied_reader, REMIXED, datasets=only).batch(0, range(6)).stems, share * RATE / 4)
        for share in (0.9, 1.02)
    ]
    assert levels[0].min() > 0.02
    assert levels[1].max() < 2e-3


@pytest.mark.parametrize("pitch", [0.5, 1.5])
def test_narrow_track_never_sounds_above_its_limit(
    varied_reader: ShardReader, pitch: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.train.crops.sampler.draw_warp", lambda *_: Warp(1.0, pitch))
    only = {target: {"other": 1.0} for target in TARGETS}
    crops = sampler(varied_reader, REMIXED, datasets=only).batch(0, range(6)).stems
    assert level_above(crops, 1.02 * RATE / 4).max() < 2e-3
