"""Scores of several systems as one table, and scores that are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from components.compare.scores.gathered_scores import gather_scores
from components.compare.scores.museval_files import read_museval_scores
from components.compare.systems.row_names import baseline_title
from components.core.base.errors import UserError
from tests.components.compare.made_up_scores import TRACKS, write_museval, write_system


def test_rows_have_the_names_of_their_systems_and_one_floor(tmp_path: Path) -> None:
    write_system(tmp_path, "a", {"model": 1.0, "model+mwf": 2.0, "mixture": -5.0})
    write_system(tmp_path, "b", {"model": 3.0, "mixture": -5.0})
    scores = gather_scores(tmp_path, {}).scores
    assert set(scores["system"]) == {"a", "a+mwf", "b", "mixture"}
    assert (scores.groupby(["system", "target", "metric"]).size() == len(TRACKS)).all()


FOUR = ("vocals", "drums", "bass", "other", "accompaniment")


@pytest.mark.slow
def test_oracles_of_each_set_of_stems_have_rows_of_their_own(tmp_path: Path) -> None:
    write_system(tmp_path, "a", {"model": 1.0, "mixture": -5.0, "ibm": 8.0})
    write_system(tmp_path, "b", {"model": 1.0, "mixture": -5.0, "ibm": 12.0}, FOUR)
    write_system(tmp_path, "c", {"model": 1.0}, ("vocals", "drums"))
    scores = gather_scores(tmp_path, {}).scores
    assert set(scores["system"]) == {"a", "b", "c", "mixture", "ibm/2", "ibm/4"}
    medians = scores[scores["metric"] == "SDR"].groupby(["system", "target"])["value"].median()
    assert medians["ibm/4", "vocals"] - medians["ibm/2", "vocals"] == pytest.approx(4, abs=1)
    assert ("ibm/2", "drums") not in medians.index
    write_system(tmp_path, "d", {"model": 1.0, "ibm": 12.0}, ("vocals", "drums"))
    names = {"ibm/accompaniment-vocals", "ibm/drums-vocals", "ibm/4"}
    assert names <= set(gather_scores(tmp_path, {}).scores["system"])
    assert [baseline_title(name) for name in sorted(names)] == [
        "IBM oracle, 4 stems", "IBM oracle, accompaniment, vocals", "IBM oracle, drums, vocals",
    ]  # fmt: skip


def test_systems_cannot_have_the_name_of_an_oracle(tmp_path: Path) -> None:
    write_system(tmp_path, "a", {"model": 1.0})
    for name in ("a", "irm2", "irm2/4"):
        with pytest.raises(UserError, match=f"--scores {name}: the comparison has a system {name} already"):
            gather_scores(tmp_path, {name: tmp_path})


def test_infinite_score_counts_as_missing(tmp_path: Path) -> None:
    write_system(tmp_path, "a", {"model": 1.0})
    path = tmp_path / "a" / "evaluate" / "scores.csv"
    table = pd.read_csv(path)
    table.loc[0, "value"] = np.inf
    table.to_csv(path, index=False)
    values = gather_scores(tmp_path, {}).scores["value"]
    assert values.isna().sum() == 1
    assert np.isfinite(values.dropna()).all()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"tracks": list(TRACKS[:3])}, "scored with different tracks"),
        ({"digest": "another"}, "scored with different recordings of these tracks"),
        ({"scorer": "museval"}, "scored with different scorers"),
        ({"window_seconds": 2.0}, "scored with different frames"),
    ],
)
def test_incomparable_scores_are_a_user_error(tmp_path: Path, other: dict[str, Any], message: str) -> None:
    write_system(tmp_path, "a", {"model": 1.0})
    write_system(tmp_path, "b", {"model": 1.0}, **other)
    with pytest.raises(UserError, match=message):
        gather_scores(tmp_path, {})


def test_museval_scores_are_medians_over_the_scored_frames(tmp_path: Path) -> None:
    write_museval(
        tmp_path / "artist_1 - SONG_1.stem.json", {"vocals": [8.0, None, float("nan"), float("inf"), 9.0, None]}
    )
    write_museval(tmp_path / "Artist 2 - Song 2.json", {"vocals": [None] * 8})
    write_museval(tmp_path / "Else.json", {"vocals": [1.0]})
    scores, unmatched = read_museval_scores("x", tmp_path, dict.fromkeys(TRACKS, 7))
    sdr = scores[scores["metric"] == "SDR"].set_index("track")["value"]
    assert sdr[TRACKS[1]] == 8.5
    assert np.isnan(sdr[TRACKS[2]])
    assert unmatched == ["Else"]


def test_museval_scores_of_unknown_targets_are_left_out(tmp_path: Path) -> None:
    write_system(tmp_path / "systems", "a", {"model": 1.0})
    write_museval(tmp_path / "x" / "Artist 1 - Song 1.json", {"vocals": [8.0] * 7, "drums": [3.0] * 7})
    scores = gather_scores(tmp_path / "systems", {"x": tmp_path / "x"}).scores
    assert set(scores["target"]) == {"vocals", "accompaniment"}


def test_wrong_museval_files_fail_alone(tmp_path: Path) -> None:
    write_system(tmp_path / "systems", "a", {"model": 1.0})
    good, empty, wrong = tmp_path / "good", tmp_path / "empty", tmp_path / "wrong"
    write_museval(good / "Artist 1 - Song 1.json", {"vocals": [8.0] * 7})
    empty.mkdir()
    wrong.mkdir()
    (wrong / "Artist 1 - Song 1.json").write_text('{"targets": 1}')
    others = {"none": tmp_path / "none", "empty": empty, "wrong": wrong, "good": good}
    found = gather_scores(tmp_path / "systems", others)
    assert set(found.scores["system"]) == {"a", "good"}
    assert found.failed == {
        "none": f"{tmp_path / 'none'} is not a folder: name the folder with museval's files",
        "empty": f"no file in {empty} has the name of a scored track: name each file after its track",
        "wrong": f"{wrong / 'Artist 1 - Song 1.json'} is not a file of museval's scores: take it out of the folder",
    }


def test_folder_without_scores_is_a_user_error(tmp_path: Path) -> None:
    write_system(tmp_path / "systems", "a", {"model": 1.0})
    with pytest.raises(UserError, match="the comparison has a system a already"):
        gather_scores(tmp_path / "systems", {"a": tmp_path / "x"})
    with pytest.raises(UserError, match="has no scores in it"):
        gather_scores(tmp_path / "nothing", {})


def test_museval_scores_of_whole_songs_are_refused_for_excerpts(tmp_path: Path) -> None:
    write_museval(tmp_path / "Artist 1 - Song 1.json", {"vocals": [8.0] * 240})
    with pytest.raises(UserError, match="has 240 frames in place of 7, so it scores other audio"):
        read_museval_scores("x", tmp_path, dict.fromkeys(TRACKS, 7))
