"""`stemline compare` as a user runs it: clones, experiments, the table, MLflow; nothing is repeated."""

import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from components.core.base.files import write_json
from components.core.data.data_problems import AcquireSummary
from components.core.data.score_tables import METRICS
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
    "mask",  # the Wiener filter takes long for four stems; test_compare.py has its rows
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
def output(project: Project) -> str:
    """The output of a comparison with an uncommitted change, and with a model and scores that fail."""
    (project.folder / "notes.txt").write_text("not committed\n")
    folder = project.folder.parent
    save_tiny_model(folder / "four", ("drums", "bass", "other", "vocals"), rate=22050)
    save_tiny_model(folder / "speech", ("speech", "noise"), rate=22050)  # no track has these stems
    frame = {"metrics": dict.fromkeys(METRICS, 1.0)}
    write_json(folder / "others" / "Unknown.json", {"targets": [{"name": "vocals", "frames": [frame]}]})
    failing = ("--models", "speech=../speech", "--scores", "others=../others")
    return project.stemline(*COMMAND, *failing, code=2)


def _table(project: Project) -> pd.DataFrame:
    return pd.read_csv(project.workspace / "compare" / "comparison.csv").set_index("system")


def _git(project: Project, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=project.folder, capture_output=True, text=True, check=True).stdout


def test_table_has_every_system_and_the_oracles(project: Project, output: str) -> None:
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
    assert "Not trained here, and perhaps trained on some of the test tracks: four: U-Net of drums" in text
    assert (out / "comparison.html").is_file()
    assert list(out.glob("pictures/*.png")), "pictures"
    assert "4 of 4 systems" in output


def test_single_test_track_gives_a_warning_before_the_trainings(output: str) -> None:
    few = output.index("fewer than two test tracks: there will be scores, but no intervals")
    assert "--dataset musdb18-7s has more" in output
    assert few < output.index("1 of 4 systems")


@pytest.mark.parametrize(
    ("available", "wanted", "remedy"), [(1, None, "--dataset"), (1, 5, "--dataset"), (9, 1, "--tracks")]
)
def test_warning_of_too_few_tracks_names_a_remedy(
    tmp_path: Path, available: int, wanted: int | None, remedy: str
) -> None:
    AcquireSummary(tracks={"test": available}).write(tmp_path / "acquire")
    assert remedy in str(few_tracks(tmp_path, wanted))
    AcquireSummary(tracks={"test": 2}).write(tmp_path / "acquire")
    assert few_tracks(tmp_path, None) is few_tracks(tmp_path, 2) is None


def test_summary_names_every_failure_with_its_reason(project: Project, output: str) -> None:
    [line] = re.findall(r"^stemline: the table is made, without what failed: (.*)$", output, re.MULTILINE)
    model, scores = line.split("; ", 1)
    assert re.match(r"speech: evaluate: track '.*' has no stem for the target 'speech'", model)
    assert re.match(r"others: no file in .* has the name of a scored track", scores)
    assert {"speech", "others"}.isdisjoint(_table(project).index)


def test_systems_have_an_experiment_and_a_run(project: Project, output: str) -> None:
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


def test_folder_of_the_user_stays_unchanged(project: Project, output: str) -> None:
    assert _git(project, "status", "--porcelain") == "?? notes.txt\n"
    assert not (project.workspace / "train").exists()


def test_second_comparison_repeats_no_training_or_scoring(project: Project, output: str) -> None:
    file = project.workspace / "compare" / "comparison.csv"
    scores = [column for column in map(str, pd.read_csv(file)) if column.endswith(("SDR", "SIR", "SAR", "ISR"))]
    before = pd.read_csv(file).set_index("system")[scores]
    again = project.stemline(*(word.removesuffix(",wave-unet") for word in COMMAND))  # fewer systems than before
    assert "Running stage" not in again
    after = pd.read_csv(file).set_index("system")[scores]
    assert "wave-unet" not in after.index
    pd.testing.assert_frame_equal(after, before.loc[after.index])
