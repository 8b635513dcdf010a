"""`stemline compare` as a user runs it: clones, experiments, the table, MLflow; and nothing is made twice."""

import subprocess
from pathlib import Path

import pandas as pd
import pytest
from project import Project, copied_project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

COMMAND = ("compare", "--small", "--systems", "unet,wave-unet", "--steps", "2", "--tracks", "2")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return copied_project(tmp_path_factory.mktemp("comparison") / "project")


@pytest.fixture(scope="module")
def said(project: Project) -> str:
    """What the first comparison printed; an uncommitted change goes along with it."""
    (project.folder / "notes.txt").write_text("not committed\n")
    return project.stemline(*COMMAND)


def _git(project: Project, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=project.folder, capture_output=True, text=True, check=True).stdout


def test_the_table_has_every_system_and_the_oracles(project: Project, said: str) -> None:
    out = project.workspace / "compare"
    table = pd.read_csv(out / "comparison.csv").set_index("system")
    assert {"unet", "unet+mwf", "wave-unet", "mixture", "irm2"} <= set(table.index)
    assert table["vocals SDR"].notna().all()
    assert (out / "comparison.html").is_file()
    assert list(out.glob("pictures/*.png")), "pictures"
    assert "2 of 2 systems" in said


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


def test_the_persons_folder_stays_as_it_was(project: Project, said: str) -> None:
    assert _git(project, "status", "--porcelain") == "?? notes.txt\n"
    assert not (project.workspace / "train").exists()


def test_a_second_time_nothing_is_trained_or_scored_again(project: Project, said: str) -> None:
    file = project.workspace / "compare" / "comparison.csv"
    scores = [column for column in map(str, pd.read_csv(file)) if column.endswith(("SDR", "SIR", "SAR", "ISR"))]
    before = pd.read_csv(file)[["system", *scores]]
    again = project.stemline(*COMMAND)
    assert "Running stage" not in again
    pd.testing.assert_frame_equal(pd.read_csv(file)[["system", *scores]], before)
