"""The step reads folders of scores, and writes a table with statistics and pictures."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from components.compare.compare import compare
from components.compare.systems.row_names import is_baseline
from components.core.base.files import digest_folder
from components.core.data.comparison_documents import ComparisonSummary, Recipe, SystemDescription
from components.core.tracking.mlflow_runs import RunRef
from tests.components.compare.made_up_scores import TRACKS, compare_config, made_costs, write_museval, write_system

CONFIG = compare_config()
DAY = date(2026, 2, 3)
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
    pretrained = SystemDescription(title="Spleeter-4, pretrained", origin="Spleeter of four; weights 0123")
    pretrained.write(systems / "spleeter-4")
    RunRef(run_id="ab" * 16, experiment="stemline").write(systems / "unet")
    for name in ("unet", "spleeter"):
        made_costs().write(systems / name)
    rows = {"model": 12.5, "model+mwf": 7.5, "mixture": 9999}
    speeds = "\n".join(
        ["system,times_real_time,machine", *(f"{row},{speed},another one" for row, speed in rows.items())]
    )
    (systems / "unet" / "evaluate" / "speed.csv").write_text(speeds)
    for track in TRACKS[:5]:
        name = track.rsplit("/", 1)[-1].replace(" ", "_")
        vocals = [8.0, None, float("nan"), 9.0, None, None, None]
        write_museval(out / "others" / "test" / f"{name}.json", {"vocals": vocals, "accompaniment": [9.0] * 7})
    write_museval(out / "others" / "test" / "Another Song.json", {"vocals": [1.0]})
    compare(CONFIG, out, {"others": out / "others"}, {"unet": 90.0}, DAY, "c0ffee" * 4)
    return out


@pytest.mark.slow
def test_table_has_medians_and_costs_of_every_system(folder: Path) -> None:
    table: Any = pd.read_csv(folder / "comparison.csv").set_index("system")
    assert set(table.index) == {
        "unet", "unet+mwf", "spleeter", "spleeter-4", "others", "mixture", "irm2/2", "irm2/4",
    }  # fmt: skip
    scores = pd.read_csv(folder / "systems" / "unet" / "evaluate" / "scores.csv")
    chosen = scores[(scores["system"] == "model") & (scores["target"] == "vocals") & (scores["metric"] == "SIR")]
    assert table.loc["unet", "vocals SIR"] == pytest.approx(chosen["value"].median())
    assert table.loc["unet", "vocals SDR low"] < table.loc["unet", "vocals SDR"] < table.loc["unet", "vocals SDR high"]
    assert table.loc["unet", "training seconds"] == 90
    assert table.loc["unet", "run"] == table.loc["unet+mwf", "run"] == "ab" * 16
    assert table.loc["spleeter", "times real time, fast"] == 25.5
    assert table.loc["spleeter-4", "drums SDR"] == pytest.approx(4.5, abs=3)
    assert np.isnan(table.loc["unet", "drums SDR"])


def test_table_has_the_measured_speed_of_post_processing(folder: Path) -> None:
    table: Any = pd.read_csv(folder / "comparison.csv").set_index("system")
    assert table.loc["unet", "times real time, one core"] == 12.5
    assert table.loc["unet+mwf", "times real time, one core"] == 7.5
    assert table.loc["unet+mwf", "weights"] == 1e6
    assert np.isnan(table.loc["unet+mwf", "times real time"])
    assert table.loc["mixture", ["weights", "times real time, one core"]].isna().all()


def test_table_has_a_row_for_published_scores(folder: Path) -> None:
    table: Any = pd.read_csv(folder / "comparison.csv").set_index("system")
    assert table.loc["others", "vocals SDR"] == 8.5
    assert table.loc["others", "vocals tracks"] == 5
    text = (folder / "comparison.md").read_text()
    assert "others: 1 file is about other tracks (Another Song)." in text
    assert "| others, scores of others |" in text
    assert re.search(r"Not measured here: others, museval's files in .*, SHA-256 [0-9a-f]{12} …\.", text)
    assert ComparisonSummary.read(folder).others.keys() == {"others"}


def test_pairs_compare_scores_on_the_same_tracks(folder: Path) -> None:
    pairs: Any = pd.read_csv(folder / "pairs.csv")
    vocals = pairs[(pairs["target"] == "vocals") & (pairs["metric"] == "SDR")]
    by_name = {frozenset((row["first"], row["second"])): row for row in vocals.to_dict("records")}
    assert by_name[frozenset(("unet", "spleeter"))]["tracks"] == 12
    assert abs(by_name[frozenset(("unet", "spleeter"))]["mean"]) == pytest.approx(1.0, abs=0.3)
    assert by_name[frozenset(("unet", "others"))]["tracks"] == 5
    assert len(vocals) == 8 * 7 // 2
    fixed = vocals["first"].map(is_baseline) | vocals["second"].map(is_baseline)
    assert vocals.loc[~fixed, "p_conover"].notna().all()
    assert vocals.loc[fixed, "p_conover"].isna().all()
    # others have five tracks, and Conover's test uses the tracks that all share
    assert set(vocals.loc[~fixed, "tracks_conover"]) == {5}
    text = (folder / "comparison.md").read_text().partition("## Differences: vocals SDR")[2]
    assert "p, Conover, 5 tracks |" in text
    assert "so it uses the 5 tracks that all of them share" in text.partition("##")[0]


def test_summary_names_the_best_system_that_is_no_oracle(folder: Path) -> None:
    summary = ComparisonSummary.read(folder)
    assert summary.best["vocals"] == "spleeter"  # the published scores have a higher median, over fewer tracks
    assert summary.best["accompaniment"] == "spleeter"
    assert summary.friedman["accompaniment"].tracks == 5
    assert summary.friedman["drums"].p is None  # only one system has drums
    assert summary.pretrained == ("spleeter-4",)
    assert (summary.day, summary.commit, summary.runs) == ("2026-02-03", "c0ffee" * 4, {"unet": "ab" * 16})


def test_page_separates_measured_numbers_from_quoted_ones(folder: Path) -> None:
    text = (folder / "comparison.md").read_text()
    assert "12 test tracks of made; BSS Eval v4, median over frames of 1 s" in text
    assert "Speed, memory: a machine; on one core, when it was scored: another one. Compared on " in text
    assert "Compared on 2026-02-03 by commit c0ffeec0ffee; comparison.csv names the MLflow run of each row." in text
    assert "perhaps trained on some of the test tracks: spleeter-4: Spleeter of four; weights 0123." in text
    assert "Their authors' own programs give other scores." in text
    assert "| Spleeter-4, pretrained |" in text
    assert "| IRM2 oracle, 2 stems |" in text
    assert "| IRM2 oracle, 4 stems |" in text
    assert "## Scores that others published" in text
    assert "not measured here" in text
    assert "Unet + MWF" in text
    html = (folder / "comparison.html").read_text()
    assert html.count("<img") == len(list((folder / "pictures").glob("*.png")))
    assert 'src="http' not in html
    assert html.index("<h2>Vocals") < html.index('alt="speed-vocals"') < html.index("<h2>Accompaniment")


@pytest.mark.parametrize("same", [True, False])
def test_page_tells_how_much_each_training_saw(tmp_path: Path, same: bool) -> None:
    for name, steps in (("unet", 120), ("spleeter", 120 if same else 240)):
        write_system(tmp_path / "systems", name, {"model": 4.0})
        recipe = Recipe(steps=steps, batch=8, crop_seconds=1.5)
        SystemDescription(title=name.title(), recipe=recipe).write(tmp_path / "systems" / name)
    compare(compare_config(), tmp_path, {}, {}, date(2026, 2, 3), "c0ffee" * 4)
    text = (tmp_path / "comparison.md").read_text()
    if same:
        line = "Trained here, each for 120 steps of 8 crops of 1.5 s, the same crops for systems of the same stems."
        assert line in text
    else:
        assert "Trained here for 120 steps of 8 crops of 1.5 s: Unet." in text
        assert "Trained here for 240 steps of 8 crops of 1.5 s: Spleeter." in text


def test_pictures_are_readable(folder: Path) -> None:
    names = {path.stem for path in (folder / "pictures").glob("*.png")}
    assert {"differences-vocals", "boxes-vocals", "speed-vocals", "boxes-drums"} <= names
    with Image.open(folder / "pictures" / "differences-vocals.png") as picture:
        assert picture.width > 800
        assert len(picture.convert("L").getcolors(1 << 16) or []) > 10


@pytest.mark.slow
def test_reference_without_scores_is_replaced_by_the_best_system(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "systems").symlink_to(folder / "systems")
    messages = {}
    for reference in ("spleeter-4", "unet", "magic"):
        compare(compare_config(reference=reference), tmp_path, {}, {}, DAY, "c0ffee" * 4)
        text = (tmp_path / "comparison.md").read_text()
        messages[reference] = re.findall(
            r"compare.reference, (.*): there the pictures of differences compare with the best", text
        )
        assert (tmp_path / "pictures" / "differences-vocals.png").is_file()
    assert messages == {
        "spleeter-4": [],
        "unet": ["unet, has no scores of drums, bass, other"],
        "magic": ["magic, has no scores of vocals, accompaniment, drums, bass, other"],
    }


@pytest.mark.slow
def test_scores_of_other_stem_sets_are_marked_and_not_paired(tmp_path: Path) -> None:
    stems = ("vocals", "drums", "bass", "other", "accompaniment")
    write_system(tmp_path / "systems", "two", {"model": 4.0, "mixture": -6.0}, seed=1)
    write_system(tmp_path / "systems", "four", {"model": 5.0, "mixture": -6.0}, stems, seed=2)
    write_system(tmp_path / "systems", "drummer", {"model": 6.0, "mixture": -6.0}, ("drums", "no-drums"), seed=3)
    write_system(tmp_path / "systems", "four-b", {"model": 5.0}, stems, seed=4)
    for track in TRACKS:
        write_museval(tmp_path / "x" / f"{track.rsplit('/', 1)[-1]}.json", dict.fromkeys(stems[:4], [20.0] * 7))
        write_museval(tmp_path / "y" / f"{track.rsplit('/', 1)[-1]}.json", {"vocals": [20.0] * 7})
    compare(CONFIG, tmp_path, {"x": tmp_path / "x", "y": tmp_path / "y"}, {}, DAY, "c0ffee" * 4)
    pairs = pd.read_csv(tmp_path / "pairs.csv")
    names = {target: set(rows["first"]) | set(rows["second"]) for target, rows in pairs.groupby("target")}
    assert names["vocals"] == {"two", "four", "four-b", "mixture"}
    assert names["drums"] == {"four", "four-b", "x", "mixture"}
    table: Any = pd.read_csv(tmp_path / "comparison.csv").set_index("system")["vocals among"]
    assert (table["four"], table["x"]) == ("accompaniment, vocals", "bass, drums, other, vocals")
    assert ComparisonSummary.read(tmp_path).best["vocals"] in ("four", "four-b")
    text = (tmp_path / "comparison.md").read_text()
    assert "| x, scores of others † | 20.00 |" in text.partition("## Vocals")[2].partition("##")[0]
    assert "| x, scores of others | 20.00 |" in text.partition("## Drums")[2].partition("##")[0]
    assert "| Drummer † |" in text.partition("## Drums")[2].partition("##")[0]
    assert "x, scores of others among bass, drums, other, vocals; " in text
    assert "y, scores of others among an unknown set of stems. The others were scored among acc" in text


def test_wrong_published_scores_leave_a_table_of_the_rest(tmp_path: Path) -> None:
    write_system(tmp_path / "systems", "a", {"model": 3.0})
    (tmp_path / "x").mkdir()
    text = compare(CONFIG, tmp_path, {"x": tmp_path / "x"}, {}, DAY, "c0ffee" * 4)
    assert "| A |" in text
    assert re.search(r"Left out, scores of x: no file in .* has the name of a scored track", text)
    summary = ComparisonSummary.read(tmp_path)
    assert summary.failed.keys() == {"x"}
    assert summary.others == {}


def test_single_system_gives_a_table_with_repeatable_files(tmp_path: Path) -> None:
    write_system(tmp_path / "systems", "alone", {"model": 3.0})
    text = compare(CONFIG, tmp_path, {}, {}, DAY, "c0ffee" * 4)
    assert "| Alone |" in text
    assert "Too few systems" in text
    assert "No two systems share 2 tracks that were scored alike" in (tmp_path / "comparison.md").read_text()
    before = digest_folder(tmp_path)
    compare(CONFIG, tmp_path, {}, {}, DAY, "c0ffee" * 4)
    assert digest_folder(tmp_path) == before
