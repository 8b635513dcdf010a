"""The step: score folders in, a table with its statistics and pictures out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from compare.made_up import TRACKS, write_museval, write_system
from components.compare.compare import compare
from components.compare.config import CompareConfig
from components.compare.gathering import gather
from components.core.errors import UserError

CONFIG = CompareConfig(resamples=1000)
ORACLES = {"mixture": -6.0, "irm2": 9.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison of two systems of two stems, one of four, and published scores of a third."""
    out = tmp_path_factory.mktemp("compare")
    systems = out / "systems"
    write_system(systems, "unet", {"model": 4.0, "model+mwf": 4.4, **ORACLES}, seed=1)
    write_system(systems, "spleeter", {"model": 5.0}, seed=2)
    stems = ("vocals", "drums", "bass", "other", "accompaniment")
    write_system(systems, "spleeter-4", {"model": 4.5, **ORACLES}, stems, seed=3)
    costs = {"weights": 1e6, "multiply_adds_a_second": 2e9, "times_real_time": 10.0, "times_real_time_fast": 25.5}
    more = {"peak_memory_bytes": 5e8, "size_bytes": 4e6, "machine": "a machine"}
    for name in ("unet", "spleeter"):
        (systems / name / "costs.json").write_text(json.dumps(costs | more))
    for track in TRACKS[:5]:
        name = track.rsplit("/", 1)[-1].replace(" ", "_")
        write_museval(out / "others" / "test" / f"{name}.json", {"vocals": [8.0, None, float("nan"), 9.0]})
    write_museval(out / "others" / "test" / "Another Song.json", {"vocals": [1.0]})
    compare(CONFIG, out, {"others": out / "others"}, {"unet": 90.0})
    return out


def test_every_system_has_a_row_with_its_medians_and_costs(folder: Path) -> None:
    table: Any = pd.read_csv(folder / "comparison.csv").set_index("system")
    assert set(table.index) == {"unet", "unet+mwf", "spleeter", "spleeter-4", "others", "mixture", "irm2"}
    scores = pd.read_csv(folder / "systems" / "unet" / "evaluate" / "scores.csv")
    chosen = scores[(scores["system"] == "model") & (scores["target"] == "vocals") & (scores["metric"] == "SIR")]
    assert table.loc["unet", "vocals SIR"] == pytest.approx(chosen["value"].median())
    assert table.loc["unet", "vocals low"] < table.loc["unet", "vocals mean SDR"] < table.loc["unet", "vocals high"]
    assert table.loc["unet", "training seconds"] == 90
    assert table.loc["spleeter", "times real time, fast"] == 25.5
    assert table.loc["spleeter-4", "drums SDR"] == pytest.approx(4.5, abs=3)
    assert np.isnan(table.loc["unet", "drums SDR"])


def test_what_others_published_is_matched_by_name(folder: Path) -> None:
    table: Any = pd.read_csv(folder / "comparison.csv").set_index("system")
    assert table.loc["others", "vocals SDR"] == 8.5
    assert table.loc["others", "vocals tracks"] == 5
    assert "others: 1 files are about other tracks." in (folder / "comparison.md").read_text()


def test_pairs_compare_the_same_tracks(folder: Path) -> None:
    pairs: Any = pd.read_csv(folder / "pairs.csv")
    vocals = pairs[(pairs["target"] == "vocals") & (pairs["metric"] == "SDR")]
    by_name = {frozenset((row["first"], row["second"])): row for row in vocals.to_dict("records")}
    assert by_name[frozenset(("unet", "spleeter"))]["tracks"] == 12
    assert abs(by_name[frozenset(("unet", "spleeter"))]["mean"]) == pytest.approx(1.0, abs=0.3)
    assert by_name[frozenset(("unet", "others"))]["tracks"] == 5
    assert len(vocals) == 7 * 6 // 2


def test_the_page_says_what_was_measured_and_what_is_quoted(folder: Path) -> None:
    text = (folder / "comparison.md").read_text()
    assert "12 test tracks of made; BSS Eval v4" in text
    assert "## Published by others, quoted" in text
    assert "not measured here" in text
    assert "Unet + MWF" in text
    html = (folder / "comparison.html").read_text()
    assert html.count("<img") == len(list((folder / "pictures").glob("*.png")))
    assert 'src="http' not in html


def test_pictures_are_pictures(folder: Path) -> None:
    names = {path.stem for path in (folder / "pictures").glob("*.png")}
    assert {"differences-vocals", "boxes-vocals", "speed-vocals", "boxes-drums"} <= names
    with Image.open(folder / "pictures" / "differences-vocals.png") as picture:
        assert picture.width > 800
        assert len(picture.convert("L").getcolors(1 << 16) or []) > 10


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"tracks": list(TRACKS[:3])}, "scored with different tracks"),
        ({"scorer": "museval"}, "scored with different scorers"),
        ({"window_seconds": 2.0}, "scored with different frames"),
    ],
)
def test_what_cannot_be_compared_is_one_line(tmp_path: Path, other: dict[str, Any], message: str) -> None:
    write_system(tmp_path, "a", {"model": 1.0})
    write_system(tmp_path, "b", {"model": 1.0}, **other)
    with pytest.raises(UserError, match=message):
        gather(tmp_path, {})


def test_wrong_scores_of_others_are_one_line(tmp_path: Path) -> None:
    write_system(tmp_path / "systems", "a", {"model": 1.0})
    with pytest.raises(UserError, match="is not a folder"):
        gather(tmp_path / "systems", {"x": tmp_path / "none"})
    (tmp_path / "x").mkdir()
    with pytest.raises(UserError, match="is about a track that was scored here"):
        gather(tmp_path / "systems", {"x": tmp_path / "x"})
    (tmp_path / "x" / "Artist 1 - Song 1.json").write_text('{"targets": 1}')
    with pytest.raises(UserError, match="is not a file of museval's scores"):
        gather(tmp_path / "systems", {"x": tmp_path / "x"})
    with pytest.raises(UserError, match="has no scores in it"):
        gather(tmp_path / "nothing", {})
