"""The whole pipeline in a copy of the repository: from nothing to separated songs, kills and mistakes."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from ruamel.yaml import YAML

from tests.support.processes import wait_until
from tests.support.project import NAME, STAGES, Project, copied_project

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return copied_project(tmp_path_factory.mktemp("whole") / "stemline")


@pytest.fixture(scope="module")
def first_run(project: Project) -> str:
    return project.stemline("run")


def test_run_goes_from_nothing_to_separated_songs(project: Project, first_run: str) -> None:
    outputs = [
        *("acquire/manifest.csv", "cache/index.csv", "train/model/model.json", "train/curves.csv"),
        *("evaluate/scores.csv", "evaluate/table.csv", "evaluate/metrics.json", "evaluate/pictures"),
        *("register/version.json", "gate/verdict.json", "report/index.html"),
    ]
    for output in outputs:
        assert (project.workspace / output).exists(), output
    assert project.verdict()["passed"] is True
    assert project.verdict()["rule"] == "first champion"
    assert project.champion() == 1
    for task in (*STAGES, "register", "gate", "promote", "catalogue", "separate", "report"):
        assert f"'{task}' - Finished in state" in first_run
    for phrase in ("this model", "ideal ratio mask", f"version 1 of {NAME} passed the gate", "mlflow ui"):
        assert phrase in first_run
    assert "Traceback" not in first_run


def test_stems_add_up_to_the_songs(project: Project, first_run: str) -> None:
    songs = sorted((project.workspace / "catalogue").glob("*.flac"))
    assert len(songs) == 2
    for song in songs:
        mixture, rate = soundfile.read(song, dtype="int32", always_2d=True)
        stems = list((project.workspace / "separate" / song.name).glob("*.wav"))
        assert len(stems) == 2
        total = np.zeros_like(mixture, dtype=np.int64)
        for stem in stems:
            samples, stem_rate = soundfile.read(stem, dtype="int32", always_2d=True)
            assert (stem_rate, samples.shape) == (rate, mixture.shape)
            total += samples
        assert np.abs(total - mixture).max() <= 2**16  # one step of 16 bits


def test_training_scores_and_version_share_a_run(project: Project, first_run: str) -> None:
    run_id = json.loads((project.workspace / "train" / "run.json").read_text("utf-8"))["run_id"]
    store = project.store()
    assert store.get_model_version(NAME, "1").run_id == run_id
    run = store.get_run(run_id)
    assert "train/loss" in run.data.metrics
    assert [name for name in run.data.metrics if "SDR" in name]
    uses = {data.tags[0].value: data.dataset for data in run.inputs.dataset_inputs}
    assert {use: data.name for use, data in uses.items()} == {"train": "demo", "test": "demo"}
    assert len({data.digest for data in uses.values()}) == 2


def test_second_run_repeats_nothing(project: Project, first_run: str) -> None:
    before = project.made()
    text = project.run("pipelines.flows.vocal_isolation")  # the same as `stemline run`
    assert project.made() == before
    for stage in STAGES:
        assert f"'{stage}' - Finished in state Unchanged" in text
    assert "0 done + 2 done before + 0 quarantined + 0 failed" in text
    assert project.champion() == 1


def test_dvc_finds_everything_up_to_date_after_a_run(project: Project, first_run: str, tmp_path: Path) -> None:
    assert "Data and pipelines are up to date." in project.run("dvc", "repro")
    assert "vocals.SDR" in project.run("dvc", "metrics", "show")
    project.run("dvc", "plots", "show", "--out", str(tmp_path / "plots"))
    assert (tmp_path / "plots" / "index.html").is_file()
    graph = project.run("dvc", "dag")
    assert all(stage in graph for stage in STAGES)


def test_status_names_the_live_model_and_the_stages(project: Project, first_run: str) -> None:
    text = project.stemline("status")
    assert f"models:/{NAME}/1" in text
    assert "live since" in text
    for stage in STAGES:
        assert f"{stage}: fresh" in text


def test_experiment_trains_with_other_parameters(project: Project, first_run: str) -> None:
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "A run")
    text = project.run("dvc", "exp", "run", "--set-param", "train.steps=10", "--name", "short")
    assert "Ran experiment(s): short" in text
    assert "short" in project.run("dvc", "exp", "show", "--csv")
    assert "vocals.SDR" in project.run("dvc", "metrics", "diff", "HEAD", "short")
    project.git("checkout", "--quiet", "--", ".")
    project.run("dvc", "checkout", "--quiet")
    assert "Data and pipelines are up to date." in project.run("dvc", "repro")


def test_killed_run_leaves_no_process_and_the_next_run_judges_the_version(project: Project, first_run: str) -> None:
    process = project.start("pipelines.terminal.cli", "run", "--set", "train.seed=8", "--set", "train.steps=40")
    assert process.stdout is not None
    for line in process.stdout:
        if "validation at step 10" in line:
            break
    assert [command for command in project.processes() if "components.train.worker" in command]
    process.kill()
    process.wait()
    wait_until(lambda: not project.processes(), "the end of all that the killed run started")
    text = project.stemline("run")
    assert "going on from step" in text
    assert "'train' - Finished in state Completed" in text
    assert "'cache' - Finished in state Unchanged" in text
    # one test track is not enough for a comparison
    verdict = project.verdict()
    assert (verdict["version"], verdict["passed"], verdict["rule"]) == (2, False, "against champion 1")
    assert "1 tracks in common, and 5 are needed" in str(verdict["reasons"])
    assert project.champion() == 1
    assert "was refused by the gate" in text


def test_user_error_in_a_stage_ends_the_run_with_one_line(project: Project, first_run: str, tmp_path: Path) -> None:
    path = project.folder / "params.yaml"
    before = path.read_bytes()
    yaml = YAML()
    document = yaml.load(path)
    document["acquire"]["datasets"] = ["musdb18-7s"]
    yaml.dump(document, path)
    try:
        text = project.stemline("run", code=2, MUSDB_PATH=str(tmp_path / "nowhere"))
    finally:
        path.write_bytes(before)
    assert "Traceback" not in text
    messages = [line for line in text.splitlines() if line.startswith("stemline: ")]
    assert len(messages) == 1
    assert "acquire: " in messages[0]
    assert "nowhere" in messages[0]
