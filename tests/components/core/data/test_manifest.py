"""The manifest is read back as written, for any names of tracks, and gives the stems of each target."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.core.base.errors import UserError
from components.core.base.files import digest_file
from components.core.data.artifacts import MANIFEST
from components.core.data.manifest import (
    COLUMNS,
    StemFile,
    Track,
    read_manifest,
    read_mixture,
    read_parts,
    read_targets,
    write_manifest,
)
from components.core.data.residual_targets import excluded_stem, residual_target
from components.core.sound.decoding import Audio, read_audio
from tests.support.tiny_models import noise

RATE = 8000


def _stem(folder: Path, stem: str, path: str, samples: int = 441, stream: int = 0) -> StemFile:
    return StemFile(stem, folder / path, stream, "0" * 64, samples, 44100, 2)


def _make_track(folder: Path, artist: str, title: str, split: str = "train") -> Track:
    stems = {stem: _stem(folder, stem, f"tracks/{stem}.wav") for stem in ("accompaniment", "vocals")}
    return Track(f"made/{artist} - {title}", artist, title, "made", split, stems)


NAMES = [
    "Plain",
    "Comma, \"quoted\" and 'single'",
    "Semicolon; tab\there",
    "Ğüneş 歌手 Ψ 🎵",
    "NA",
    "null",
    "007",
    "1e5",
    "True",
    " spaces ",
    "",
    "=SUM(A1)",
    "#hash",
    "back\\slash",
    "two\nlines",
]


@pytest.mark.parametrize("name", NAMES)
def test_manifest_keeps_names(tmp_path: Path, name: str) -> None:
    tracks = [_make_track(tmp_path, name, "b"), _make_track(tmp_path, "a", name)]
    write_manifest(tmp_path, tracks)
    found = read_manifest(tmp_path)
    assert sorted(found, key=lambda track: track.name) == sorted(tracks, key=lambda track: track.name)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20))
def test_manifest_keeps_any_name(tmp_path: Path, name: str) -> None:
    tracks = [_make_track(tmp_path, name, name)]
    write_manifest(tmp_path, tracks)
    assert read_manifest(tmp_path) == tracks


def test_manifest_has_order_splits_and_columns(tmp_path: Path) -> None:
    tracks = [_make_track(tmp_path, artist, split, split) for split in ("test", "train") for artist in "ba"]
    write_manifest(tmp_path, tracks)
    first = MANIFEST.within(tmp_path).read_bytes()
    write_manifest(tmp_path, reversed(tracks))
    assert MANIFEST.within(tmp_path).read_bytes() == first
    assert [(track.split, track.artist) for track in read_manifest(tmp_path)] == [
        ("train", "a"),
        ("train", "b"),
        ("test", "a"),
        ("test", "b"),
    ]
    assert [track.artist for track in read_manifest(tmp_path, "test")] == ["a", "b"]
    assert read_manifest(tmp_path, "validation") == []
    table = pd.read_csv(MANIFEST.within(tmp_path))
    assert tuple(table.columns) == COLUMNS
    assert table["duration"].tolist() == [0.01] * 8


def test_manifest_can_be_empty(tmp_path: Path) -> None:
    write_manifest(tmp_path, [])
    assert read_manifest(tmp_path) == []


def test_manifest_keeps_streams_and_lengths(tmp_path: Path) -> None:
    stems = {"vocals": _stem(tmp_path, "vocals", "a.mp4", 7, 4), "mixture": _stem(tmp_path, "mixture", "a.mp4", 44100)}
    track = Track("d/a - b", "a", "b", "d", "test", stems)
    write_manifest(tmp_path, [track])
    [found] = read_manifest(tmp_path)
    assert found == track
    assert found.duration == 1.0


def test_missing_manifest_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"manifest\.csv does not exist: run `dvc repro acquire`"):
        read_manifest(tmp_path)


def _track(folder: Path, stems: Mapping[str, Audio], rate: int = RATE) -> Track:
    files = {}
    for name, samples in stems.items():
        path = folder / f"{name}.wav"
        soundfile.write(path, samples.T, rate, "FLOAT")
        files[name] = StemFile(name, path, 0, digest_file(path), samples.shape[1], rate, samples.shape[0])
    return Track("made/a - b", "a", "b", "made", "train", files)


def test_accompaniment_is_the_sum_of_the_other_stems(tmp_path: Path) -> None:
    stems = {name: noise(number, 100) for number, name in enumerate(("vocals", "drums", "bass", "other", "mixture"))}
    track = _track(tmp_path, stems)
    found = read_targets(track, ("accompaniment", "vocals", "bass"), RATE, 2)
    assert found.shape == (3, 2, 100)
    assert found[0] == pytest.approx(stems["drums"] + stems["bass"] + stems["other"], abs=1e-7)
    assert np.array_equal(found[1], stems["vocals"])
    assert np.array_equal(found[2], stems["bass"])


def test_parts_are_the_stems_of_a_target(tmp_path: Path) -> None:
    stems = {name: noise(number, 100) for number, name in enumerate(("vocals", "drums", "bass", "piano", "mixture"))}
    found = read_parts(_track(tmp_path, stems), ("vocals", "accompaniment", "drums"), RATE, 2)
    assert list(found) == ["vocals", "accompaniment", "drums"]
    assert {target: sorted(parts) for target, parts in found.items()} == {
        "vocals": ["vocals"],
        "accompaniment": ["bass", "drums", "piano"],
        "drums": ["drums"],
    }
    for parts in found.values():
        for name, part in parts.items():
            assert np.array_equal(part, stems[name])
            assert part.dtype == np.float32


def test_no_drums_is_the_sum_of_the_other_stems(tmp_path: Path) -> None:
    """A model of the drums alone is scored on this remainder, too."""
    stems = {name: noise(number, 100) for number, name in enumerate(("vocals", "drums", "bass", "other", "mixture"))}
    found = read_parts(_track(tmp_path, stems), ("drums", residual_target("drums")), RATE, 2)
    assert list(found["no-drums"]) == ["vocals", "bass", "other"]
    two = _track(tmp_path, {"vocals": noise(0, 10), "accompaniment": noise(1, 10)})
    with pytest.raises(UserError, match="no stem for the target 'no-drums'"):
        read_targets(two, ("no-drums",), RATE, 2)


@pytest.mark.parametrize(
    ("targets", "other"),
    [
        (("vocals", "drums", "bass", "other"), ["piano", "other", "guitar"]),
        (("vocals", "drums", "bass", "piano", "other"), ["other", "guitar"]),
        (("vocals", "other"), ["drums", "bass", "piano", "other", "guitar"]),
        (("other", "no-other"), ["other"]),
    ],
)
def test_other_is_the_sum_of_the_remaining_stems(tmp_path: Path, targets: tuple[str, ...], other: list[str]) -> None:
    """Four targets of data with six stems add up to the mixture, and have the same accompaniment as two targets."""
    names = ("vocals", "drums", "bass", "piano", "other", "guitar")
    stems = {name: noise(number, 100) for number, name in enumerate(names)}
    track = _track(tmp_path, stems)
    assert list(read_parts(track, targets, RATE, 2)["other"]) == other
    found = read_targets(track, targets, RATE, 2)
    assert found.sum(axis=0) == pytest.approx(sum(stems.values()), abs=1e-6)
    if "vocals" in targets:
        [accompaniment] = read_targets(track, ("accompaniment",), RATE, 2)
        assert found[1:].sum(axis=0) == pytest.approx(accompaniment, abs=1e-6)


def test_other_is_the_remainder_without_a_stem_of_that_name(tmp_path: Path) -> None:
    track = _track(tmp_path, {name: noise(0, 10) for name in ("vocals", "keys", "guitar")})
    assert list(read_parts(track, ("vocals", "other"), RATE, 2)["other"]) == ["keys", "guitar"]


@pytest.mark.parametrize("target", ["vocals", "accompaniment", "drums", "piano"])
def test_remainder_of_a_target_excludes_it(target: str) -> None:
    assert excluded_stem(residual_target(target)) == (None if target == "accompaniment" else target)


def test_parts_have_one_length_rate_and_number_of_channels(tmp_path: Path) -> None:
    stems = {"vocals": noise(0, 600, 1), "drums": noise(1, 1000), "bass": noise(2, 1)}
    found = read_parts(_track(tmp_path, stems), ("vocals", "accompaniment"), 2 * RATE, 2)
    shapes = {part.shape for parts in found.values() for part in parts.values()}
    assert shapes == {(2, 2000)}
    assert np.abs(found["vocals"]["vocals"][:, 1200:]).max() == 0
    assert np.abs(found["vocals"]["vocals"][:, :1200]).max() > 0.01


def test_targets_are_the_sums_of_their_parts(tmp_path: Path) -> None:
    stems = {name: noise(number, 100) for number, name in enumerate(("vocals", "drums", "bass"))}
    track = _track(tmp_path, stems)
    parts = read_parts(track, ("accompaniment", "vocals"), RATE, 2, np.square)
    targets = read_targets(track, ("accompaniment", "vocals"), RATE, 2, np.square)
    assert targets[0] == pytest.approx(sum(parts["accompaniment"].values()), abs=1e-7)
    assert np.array_equal(targets[1], parts["vocals"]["vocals"])
    assert parts["accompaniment"]["bass"] == pytest.approx(stems["bass"] ** 2, abs=1e-7)


def test_target_without_parts_is_its_own_part(tmp_path: Path) -> None:
    own = {"vocals": noise(0, 100), "accompaniment": noise(1, 100), "drums": noise(2, 100)}
    found = read_parts(_track(tmp_path, own), ("accompaniment",), RATE, 2)
    assert list(found["accompaniment"]) == ["accompaniment"]
    assert np.array_equal(found["accompaniment"]["accompaniment"], own["accompaniment"])
    rest = {"vocals": noise(0, 100), "mixture": noise(1, 100)}
    found = read_parts(_track(tmp_path, rest), ("accompaniment",), RATE, 2)
    assert list(found["accompaniment"]) == ["accompaniment"]
    assert found["accompaniment"]["accompaniment"] == pytest.approx(rest["mixture"] - rest["vocals"], abs=1e-7)


def test_accompaniment_is_mixture_minus_vocals(tmp_path: Path) -> None:
    stems = {"vocals": noise(0, 100), "mixture": noise(1, 100)}
    found = read_targets(_track(tmp_path, stems), ("vocals", "accompaniment"), RATE, 2)
    assert np.array_equal(found.sum(axis=0, dtype=np.float32), found[0] + found[1])
    assert found[1] == pytest.approx(stems["mixture"] - stems["vocals"], abs=1e-7)


def test_accompaniment_can_be_a_stem_of_its_own(tmp_path: Path) -> None:
    stems = {"vocals": noise(0, 100), "accompaniment": noise(1, 100), "mixture": noise(2, 100)}
    found = read_targets(_track(tmp_path, stems), ("accompaniment",), RATE, 2)
    assert np.array_equal(found[0], stems["accompaniment"])


def test_missing_target_is_a_user_error(tmp_path: Path) -> None:
    track = _track(tmp_path, {"vocals": noise(0, 10), "other": noise(1, 10)})
    with pytest.raises(UserError, match=r"'made/a - b' has no stem for the target 'drums' \(it has vocals, other\)"):
        read_targets(track, ("vocals", "drums"), RATE, 2)
    with pytest.raises(UserError, match="no stem for the target 'accompaniment'"):
        read_targets(_track(tmp_path, {"vocals": noise(0, 10)}), ("accompaniment",), RATE, 2)


def test_shorter_stems_are_padded_with_silence(tmp_path: Path) -> None:
    stems = {"vocals": noise(0, 60), "other": noise(1, 100)}
    found = read_targets(_track(tmp_path, stems), ("vocals", "accompaniment"), RATE, 2)
    assert found.shape == (2, 2, 100)
    assert np.array_equal(found[0, :, :60], stems["vocals"])
    assert not found[0, :, 60:].any()


def test_targets_have_the_requested_rate_and_channels(tmp_path: Path) -> None:
    track = _track(tmp_path, {"vocals": noise(0, 1000, 1), "other": noise(1, 1000, 2)})
    found = read_targets(track, ("vocals", "accompaniment"), 2 * RATE, 2)
    assert found.shape == (2, 2, 2000)
    assert np.array_equal(found[0, 0], found[0, 1])
    assert read_targets(track, ("vocals", "accompaniment"), RATE, 1).shape == (2, 1, 1000)


def test_stems_are_prepared_before_they_are_added_up(tmp_path: Path) -> None:
    stems = {"vocals": noise(0, 50), "drums": noise(1, 50), "bass": noise(2, 50)}
    track = _track(tmp_path, stems)
    found = read_targets(track, ("accompaniment",), RATE, 2, np.square)
    assert found[0] == pytest.approx(stems["drums"] ** 2 + stems["bass"] ** 2, abs=1e-7)
    assert read_mixture(track, RATE, 2, np.square) == pytest.approx(sum(stem**2 for stem in stems.values()), abs=1e-7)


def test_mixture_is_the_recording_or_the_sum(tmp_path: Path) -> None:
    stems = {"vocals": noise(0, 50), "other": noise(1, 70)}
    summed = read_mixture(_track(tmp_path, stems), RATE, 2)
    assert summed[:, :50] == pytest.approx(stems["vocals"] + stems["other"][:, :50], abs=1e-7)
    assert np.array_equal(summed[:, 50:], stems["other"][:, 50:])
    recording = noise(2, 70)
    assert np.array_equal(read_mixture(_track(tmp_path, {**stems, "mixture": recording}), RATE, 2), recording)


def test_real_excerpt_adds_up() -> None:
    """The five streams of a file, as `acquire` lists them."""
    from components.core.sound import ffmpeg

    ffmpeg.add_ffmpeg_to_path()
    import stempeg

    path = Path(stempeg.example_stem_path())
    stems = {
        name: StemFile(name, path, stream, "", read_audio(path, stream)[0].shape[1], 44100, 2)
        for stream, name in enumerate(("mixture", "drums", "bass", "other", "vocals"))
    }
    track = Track("demo/a - b", "a", "b", "demo", "test", stems)
    targets = read_targets(track, ("vocals", "accompaniment"), 44100, 2)
    mixture = read_mixture(track, 44100, 2)
    error = targets.sum(axis=0) - mixture
    assert 10 * np.log10((mixture**2).sum() / (error**2).sum()) > 12  # each stream is compressed on its own, with loss
