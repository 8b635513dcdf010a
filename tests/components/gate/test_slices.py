"""Slices: the gate refuses a version that is better on average and worse for one kind of music."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.release.verdict import Finding
from components.gate.slices import assign_slices, judge_slices
from tests.components.gate.gate_scores import gate_config, made_scores

LOST = [1.0] * 9 + [-0.6] * 3


def write_tracks(folder: Path, columns: Mapping[str, list[str]]) -> Path:
    """Write a manifest with a track of two stems for each value."""
    count = len(next(iter(columns.values())))
    tracks = pd.DataFrame({"track": [f"made/Song {number}" for number in range(count)], **columns})
    folder.mkdir(exist_ok=True)
    pd.concat([tracks, tracks]).to_csv(folder / "manifest.csv", index=False)
    return folder


def judge(
    data: Path, by: str, differences: list[float], mixture: list[float] | None = None, **changes: object
) -> Finding:
    zero = {"vocals": [0.0] * len(differences)}
    challenger = made_scores(
        {"vocals": differences}, None if mixture is None else {"vocals": mixture}, targets=("vocals",)
    )
    champion = made_scores(zero, targets=("vocals",))
    (finding,) = judge_slices(gate_config(slices=[by], **changes), challenger, champion, data)
    assert finding.name == f"vocals by {by}"
    return finding


def test_slice_that_lost_too_much_refuses(tmp_path: Path) -> None:
    data = write_tracks(tmp_path, {"genre": ["pop"] * 9 + ["jazz"] * 3})
    finding = judge(data, "genre", LOST)
    assert not finding.good
    assert "worst of 2 slices is jazz, -0.60 dB (mean of 3 tracks); allowed -0.50 dB" in finding.text
    assert judge(data, "genre", LOST, slice_limit_db=0.7).good


def test_slice_of_too_few_tracks_is_named_and_not_judged(tmp_path: Path) -> None:
    data = write_tracks(tmp_path, {"artist": ["many"] * 10 + ["few"] * 2})
    finding = judge(data, "artist", LOST)
    assert finding.good
    assert "1 with fewer than 3 tracks not judged" in finding.text


def test_tracks_of_unknown_genre_are_in_no_slice(tmp_path: Path) -> None:
    data = write_tracks(tmp_path, {"genre": ["pop"] * 6 + [""] * 3 + ["jazz"] * 3})
    text = judge(data, "genre", LOST).text
    assert "worst of 2 slices is jazz" in text
    assert "3 tracks with an unknown value" in text
    nothing = judge(write_tracks(tmp_path / "none", {"genre": [""] * 12}), "genre", LOST)
    assert nothing.good
    assert "no slice to judge (12 tracks with an unknown value)" in nothing.text


def test_missing_column_refuses(tmp_path: Path) -> None:
    assert judge(tmp_path, "genre", LOST).text.startswith("vocals by genre: manifest.csv has no column genre")
    assert not judge(tmp_path, "genre", LOST).good
    data = write_tracks(tmp_path, {"artist": ["a"] * 12})
    assert not judge(data, "genre", LOST).good


def test_track_missing_in_the_manifest_refuses(tmp_path: Path) -> None:
    data = write_tracks(tmp_path, {"artist": ["a"] * 11})
    finding = judge(data, "artist", [1.0] * 12)
    assert not finding.good
    assert "1 tracks in no slice" in finding.text


def test_artists_with_numeric_names_are_artists(tmp_path: Path) -> None:
    data = write_tracks(tmp_path, {"artist": ["1975"] * 9 + ["311"] * 3})
    assert "worst of 2 slices is 311" in judge(data, "artist", LOST).text


def test_level_is_the_score_of_the_mixture(tmp_path: Path) -> None:
    levels = [float(9 - number) for number in range(9)] + [-5.0, -6.0, -7.0]  # the quietest lose
    finding = judge(tmp_path, "level", LOST, levels)
    assert "worst of 3 slices is low third" in finding.text
    assert finding.good  # one of the four tracks in this third gained
    assert not judge(tmp_path, "level", [1.0] * 8 + [-0.6] * 4, levels).good
    without = judge(tmp_path, "level", LOST)
    assert not without.good
    assert "the mixture was not scored" in without.text


@settings(deadline=None, max_examples=50)
@given(values=st.lists(st.floats(-50, 50), min_size=3, max_size=40))
def test_thirds_are_even_and_ordered(values: list[float]) -> None:
    found = assign_slices(pd.Series(values))
    counts = found.value_counts()
    assert counts.sum() == len(values)
    assert counts.max() - counts.min() <= 1
    table = pd.DataFrame({"value": values, "third": found})
    bounds = [table[table["third"] == f"{name} third"]["value"] for name in ("low", "middle", "high")]
    assert bounds[0].max() <= bounds[1].min() <= bounds[1].max() <= bounds[2].min()


@pytest.mark.parametrize("values", [[], [3.0]])
def test_thirds_accept_very_few_tracks(values: list[float]) -> None:
    assert len(assign_slices(pd.Series(values, dtype=float))) == len(values)
