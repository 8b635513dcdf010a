"""`stemline compare` as a user runs it: clones, experiments, the table, MLflow; nothing is repeated."""

import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from components.core.base.files import write_json
from components.core.data.comparison_documents import ComparisonSummary
from components.core.data.evaluation import Evaluation
from pipelines.flows import comparison
from pipelines.flows.comparison import few_tracks
from tests.support.project import Project, prepared_project
from tests.support.tiny_models import save_tiny_model

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

COMMAND = (
    "compare",
    "--small",
    "--systems",
    "unet,wave-unet",
    "--post",
    "mask",  # how long the filter takes of four stems: test_compare.py has its rows
    "--steps",
    "2",
    "--tracks",
    "2",
    "--models",
    "four=../four",
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return prepared_project(tmp_path_factory.mktemp("comparison") / "project")


@pytest.fixture(scope="module")
def said(project: Project) -> str:
    """What the first comparison printed; an uncommitted change goes along with it."""
    (project.folder / "notes.txt").write_text("not committed\n")
    save_tiny_model(project.folder.parent / "four", ("drums", "bass", "other", "vocals"), rate=22050)
    save_tiny_model(project.folder.parent / "speech", ("speech", "noise"), rate=22050)  # which no track has
    return project.stemline(*COMMAND, "--models", "speech=../speech", code=2)


def _table(project: Project) -> pd.DataFrame:
    return pd.read_csv(project.workspace / "compare" / "comparison.csv").set_index("system")


def _git(project: Project, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=project.folder, capture_output=True, text=True, check=True).stdout


def test_the_table_has_every_system_and_the_oracles(project: Project, said: str) -> None:
    out = project.workspace / "compare"
    table = _table(project)
    assert {"unet", "wave-unet", "four", "mixture", "irm2/2", "irm2/4"} <= set(table.index)
    assert table[["vocals SDR", "accompaniment SDR"]].notna().all(axis=None)
    assert table["drums SDR"].notna()["four"]
    unknown = table["training seconds"].isna()
    assert (unknown["unet"], unknown["four"]) == (False, True)
    assert table["times real time"]["four"] > 0
    text = (out / "comparison.md").read_text(encoding="utf-8")
    assert "| four, 4 stems, pretrained |" in text
    assert "Not trained here, and on data that may hold the test tracks: four: U-Net of drums" in text
    assert (out / "comparison.html").is_file()
    assert list(out.glob("pictures/*.png")), "pictures"
    assert "4 of 4 systems" in said


def test_that_one_track_is_too_few_for_statistics_is_said_before_the_trainings(said: str) -> None:
    few = said.index("fewer than two test tracks: there will be scores, but no intervals")
    assert "--dataset musdb18-7s has more" in said
    assert few < said.index("1 of 4 systems")


@pytest.mark.parametrize(("there", "wanted", "cure"), [(1, None, "--dataset"), (1, 5, "--dataset"), (9, 1, "--tracks")])
def test_too_few_tracks_are_told_with_what_helps(tmp_path: Path, there: int, wanted: int | None, cure: str) -> None:
    write_json(tmp_path / "acquire" / "summary.json", {"tracks": {"test": there}})
    assert cure in str(few_tracks(tmp_path, wanted))
    write_json(tmp_path / "acquire" / "summary.json", {"tracks": {"test": 2}})
    assert few_tracks(tmp_path, None) is few_tracks(tmp_path, 2) is None


def test_scores_of_others_that_failed_are_named_with_their_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "OUT", tmp_path)
    monkeypatch.setattr(comparison, "run_as_task", lambda *_: [])
    test = Evaluation(
        tracks=(), digest="", datasets=(), targets=(), rate=44100, channels=2, window_seconds=1.0, model=""
    )
    ComparisonSummary(
        systems=(), targets=(), best={}, friedman={}, pretrained=(), others={}, runs={}, commit="", unmatched={},
        failed={"umx": "no file fits"}, day="2026-02-03", test=test,
    ).write(tmp_path)  # fmt: skip
    assert comparison._make_table([]) == ["umx: no file fits"]


def test_what_fails_is_named_with_its_reason(project: Project, said: str) -> None:
    reason = (
        r"stemline: the table is made, without what failed: speech: evaluate: track '.*' has no stem for the target"
    )
    assert re.search(rf"^{reason} 'speech'.*$", said, re.MULTILINE)
    assert "speech" not in _table(project).index


def test_each_system_is_an_experiment_and_a_run(project: Project, said: str) -> None:
    refs = _git(project, "for-each-ref", "--format=%(refname)", "refs/exps").split()
    assert {Path(ref).name for ref in refs} == {"compare-small-unet", "compare-small-wave-unet"}
    shown = project.run("dvc", "exp", "show", "--csv")
    assert "compare-small-unet" in shown
    assert "compare-small-wave-unet" in shown
    client = project.store()
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    names = {run.data.params.get("train.network.name") for run in client.search_runs(experiments)}
    assert {"unet", "wave_unet"} <= names
    [run] = client.search_runs(experiments, "tags.stage = 'pretrained' and tags.system = 'four'")
    assert run.data.metrics["test/vocals/SDR"] == pytest.approx(_table(project)["vocals SDR"]["four"])


def test_the_persons_folder_stays_as_it_was(project: Project, said: str) -> None:
    assert _git(project, "status", "--porcelain") == "?? notes.txt\n"
    assert not (project.workspace / "train").exists()


def test_a_second_time_nothing_is_trained_or_scored_again(project: Project, said: str) -> None:
    file = project.workspace / "compare" / "comparison.csv"
    scores = [column for column in map(str, pd.read_csv(file)) if column.endswith(("SDR", "SIR", "SAR", "ISR"))]
    before = pd.read_csv(file).set_index("system")[scores]
    again = project.stemline(*(word.removesuffix(",wave-unet") for word in COMMAND))  # one may be left out
    assert "Running stage" not in again
    after = pd.read_csv(file).set_index("system")[scores]
    assert "wave-unet" not in after.index
    pd.testing.assert_frame_equal(after, before.loc[after.index])
