"""The distance from the music of the training: its scale, its drift, and the file of its profile."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.base.errors import UserError
from components.core.data.cache_format import FULL_SCALE, CacheSettings, ShardReader, shard_path, write_index
from components.core.sound import training_profile as module
from components.core.sound.decoding import Audio
from components.core.sound.recording_features import FEATURES, WIDTH, FeatureMeter
from components.core.sound.resampling import resample
from components.core.sound.training_profile import PROFILE, Features, Profile, read_profile, write_profile
from components.train.profile_measurement import make_profile, write_training_profile
from demo_songs import render_song
from tests.support.tiny_models import ROOT

NAMES = FEATURES[:6]
SHIPPED = ROOT / "models" / "vocal-isolation" / PROFILE


def _draw(seed: int, tracks: int, mean: float = 0.0, deviation: float = 5.0) -> list[Features]:
    """Return features of synthetic tracks whose neighbouring features are correlated."""
    values = np.random.default_rng(seed).normal(0, deviation, (tracks, len(NAMES)))
    values[:, 1:] = 0.7 * values[:, :-1] + 0.7 * values[:, 1:]
    return [dict(zip(NAMES, (row + mean).tolist(), strict=True)) for row in values]


def _profile(tracks: int = 200, **datasets: list[Features]) -> Profile:
    return make_profile(datasets or {"made": _draw(0, tracks)}, NAMES, 44100, {"made": "up"})


def _mean(profile: Profile, group: int = 0) -> Features:
    return dict(zip(profile.features, profile.groups[group].means, strict=True))


@pytest.mark.parametrize("tracks", [20, 80, 1000])
def test_twentieth_of_similar_music_is_farther_than_1(tracks: int) -> None:
    profiles = [_profile(made=_draw(seed, tracks)) for seed in range(5)]
    beyond = [profile.distance(new) > 1 for profile in profiles for new in _draw(99, 300)]
    assert 0.02 < np.mean(beyond) < 0.12
    assert profiles[0].distance(_mean(profiles[0])) == pytest.approx(0.0, abs=1e-3)


def test_distance_is_that_to_the_nearest_dataset() -> None:
    far = 200.0
    profile = _profile(rock=_draw(1, 100), karaoke=_draw(2, 100, mean=far))
    assert [group.name for group in profile.groups] == ["karaoke", "rock"]
    for mean in (0.0, far):
        assert np.median([profile.distance(new) for new in _draw(3, 50, mean)]) < 0.8
    assert profile.distance(_draw(3, 1, far / 2)[0]) > 3
    assert profile.drift(_draw(4, 60) + _draw(5, 60, far)) < 0.25


def test_unusual_combination_of_features_is_farther() -> None:
    profile = _profile()
    usual, unusual = dict(_mean(profile)), dict(_mean(profile))
    for number, name in enumerate(NAMES):
        usual[name] += 5.0
        unusual[name] += 5.0 * (-1) ** number
    assert profile.distance(unusual) > 1.5 * profile.distance(usual)


@settings(deadline=None, max_examples=20)
@given(shift=st.floats(-3, 3), recordings=st.integers(100, 400))
def test_drift_is_in_standard_deviations_of_tracks(shift: float, recordings: int) -> None:
    profile = _profile(2000)
    moved = [
        {name: value + shift * deviation for (name, value), deviation in zip(track.items(), deviations, strict=True)}
        for track in _draw(5, recordings)
        for deviations in [profile.groups[0].deviations]
    ]
    assert profile.drift(moved) == pytest.approx(abs(shift), abs=0.2)
    assert np.mean(list(profile.shifts(moved).values())) == pytest.approx(shift, abs=0.2)


def test_few_recordings_give_no_drift_by_chance() -> None:
    drifts = [_profile(2000).drift(_draw(seed, 10)) for seed in range(10, 30)]
    assert np.mean(drifts) < 0.2


def test_drift_covers_any_number_of_recordings_with_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    profile, tracks = _profile(), _draw(6, 10)
    expected = profile.drift(tracks)
    monkeypatch.setattr(module, "RECORDINGS_AT_ONCE", 3)
    silent: list[Features] = [{}]
    assert profile.drift(iter(silent + tracks + silent)) == pytest.approx(expected, abs=1e-12)
    assert math.isnan(profile.drift([]))
    assert math.isnan(profile.drift(silent))


def test_profile_is_written_whole_with_the_same_bytes(tmp_path: Path) -> None:
    profile = _profile()
    for name in ("one", "two"):
        write_profile(_profile(), tmp_path / name)
    assert read_profile(tmp_path / "one") == profile
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def _spoil(change: Callable[[dict[str, Any]], object]) -> str:
    document = _profile().model_dump(mode="json")
    change(document)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is not a profile"),
        ("[]", "profile"),
        (_spoil(lambda document: document.update(groups=[])), "groups"),
        (_spoil(lambda document: document.update(features=["loudness"] * 6)), "export the model again"),
        (_spoil(lambda document: document["features"].pop()), "needs one mean for each feature"),
        (_spoil(lambda document: document["groups"][0]["means"].pop()), "different numbers"),
        (_spoil(lambda document: document["groups"][0]["means"].append("much")), "means"),
        (_spoil(lambda document: document["groups"][0]["deviations"].__setitem__(0, 0.0)), "positive"),
        (
            _spoil(lambda document: document["groups"][0]["correlations"][1].__setitem__(0, 1.5)),
            "form no valid matrix",
        ),
        (_spoil(lambda document: document["groups"][0]["means"].__setitem__(0, math.nan)), "means"),
    ],
)
def test_damaged_profile_is_a_user_error(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / PROFILE
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=complaint) as caught:
        read_profile(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_profile_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        read_profile(tmp_path / PROFILE)


@pytest.mark.parametrize("tracks", [1, 2, 3])
def test_few_tracks_have_a_profile(tracks: int, tmp_path: Path) -> None:
    write_profile(_profile(tracks), tmp_path / PROFILE)
    profile = read_profile(tmp_path / PROFILE)
    assert profile.distance(_draw(0, tracks)[0]) < 1.5
    assert profile.distance(_draw(9, 1, mean=100.0)[0]) > 2


def test_silence_has_no_profile() -> None:
    with pytest.raises(UserError, match="all training tracks are silent"):
        make_profile({}, NAMES, 44100, {})


def _cache(folder: Path, stems: dict[str, Audio], rate: int) -> ShardReader:
    """Write a cache of tracks, `(2, channels, samples)` each, named `dataset/track`."""
    shard_path(folder, 0).parent.mkdir(parents=True)
    rows, offset = [], 0
    for name, track in stems.items():
        place = {"track": name, "dataset": name.split("/")[0], "artist": name, "split": "train", "shard": 0}
        samples = {"offset": offset, "samples": track.shape[-1], "scale": 1 / FULL_SCALE, "bandwidth": rate / 2}
        rows.append({**place, **samples, "parts": "vocals/vocals;accompaniment/accompaniment"})
        offset += track.size
    integers = np.concatenate([np.rint(track * FULL_SCALE).astype(np.int16).ravel() for track in stems.values()])
    np.save(shard_path(folder, 0), integers)
    write_index(folder, list(rows))
    channels = next(iter(stems.values())).shape[1]
    CacheSettings(targets=("vocals", "accompaniment"), rate=rate, channels=channels).write(folder)
    return ShardReader(folder, "train")


@pytest.mark.parametrize("channels", [1, 2])
def test_profile_of_a_training_describes_its_mixtures(tmp_path: Path, channels: int) -> None:
    def song(seed: int) -> Audio:
        drawn = np.random.default_rng(seed).normal(0, 0.1, (2, channels, 20_000))
        return np.clip(np.cumsum(drawn, axis=-1) * 0.02 + drawn, -0.4, 0.4).astype(np.float32)

    tracks = {f"{dataset}/{seed}": song(seed) for dataset in ("a", "b") for seed in range(4)}
    silence = {"b/silence": np.zeros((2, channels, 9000), np.float32)}
    write_training_profile(_cache(tmp_path / "cache", tracks | silence, 8000), tmp_path / PROFILE, {"seed": 7})
    profile = read_profile(tmp_path / PROFILE)
    assert profile.origin == {"seed": 7}
    assert (WIDTH in profile.features) == (channels > 1)
    assert {group.name: group.tracks for group in profile.groups} == {"a": 4, "b": 4}
    meter = FeatureMeter(8000, profile.rate)
    meter.add(tracks["a/1"].sum(axis=0))
    features = meter.result().features
    assert profile.distance(features) < 1.5
    wanted = features["band_1000"]
    found = _mean(profile)["band_1000"]
    assert found == pytest.approx(wanted, abs=2)


def _distance(audio: Audio) -> float:
    profile = read_profile(SHIPPED)
    meter = FeatureMeter(44100, profile.rate)
    meter.add(audio)
    return profile.distance(meter.result().features)


def test_shipped_profile_describes_training_tracks_at_the_rate_of_the_shipped_model() -> None:
    profile = read_profile(SHIPPED)
    assert {group.name: group.tracks for group in profile.groups} == {"musdb18-7s": 82}
    assert profile.origin == {"datasets": "musdb18-7s", "split": "train"}
    assert profile.features == FEATURES
    model = json.loads((SHIPPED.parent / "model.json").read_text(encoding="utf-8"))
    assert profile.rate == model["rate"]


@pytest.mark.slow
def test_shipped_profile_separates_music_from_other_sounds() -> None:
    song: Audio = np.sum(np.stack(list(render_song(1, 9.0).values())), axis=0)
    time = np.arange(5 * 44100) / 44100
    noise = np.random.default_rng(0).normal(0, 0.1, (2, time.size)).astype(np.float32)
    tone = np.tile(0.3 * np.sin(2 * np.pi * 440 * time), (2, 1)).astype(np.float32)
    telephone = resample(resample(song.mean(axis=0, keepdims=True), 44100, 8000), 8000, 44100)
    assert _distance(song) < 1
    assert _distance(noise) > 1.8
    assert _distance(tone) > 4
    assert _distance(telephone) > 1.3
