"""The live model is scored again in a clone, in a separate MLflow run; the training's run stays unchanged."""

from collections.abc import Iterator

import pytest
from mlflow.entities import Run

from tests.support.prefect_server import prefect_server
from tests.support.project import NAME, Project, prepared_project
from tests.support.tiny_models import save_tiny_model

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

REGISTER = f"""\
from pathlib import Path
from components.core.tracking import mlflow_runs
from components.register.register import register

client, made = mlflow_runs.connect(), Path("made")
created = client.create_run(mlflow_runs.experiment_id(client), run_name="a training")
run = mlflow_runs.RunRef(run_id=created.info.run_id)
mlflow_runs.log_metrics(client, run, {{"test/vocals/SDR": -40.0, "test/mixture/vocals/SDR": 1.0}})
mlflow_runs.set_tags(client, run, {{"evaluate.test_digest": "of other tracks"}})
register("{NAME}", made / "model", run, made)
client.set_registered_model_alias("{NAME}", "champion", "1")
"""
EVALUATE = """\
from pipelines.flows.champion_evaluation import evaluate_champion

state = evaluate_champion(return_state=True)
print(f"{state.name}: {state.message}")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with prefect_server(tmp_path_factory.mktemp("prefect")) as variables:
        yield {name: variables[name] for name in ("PREFECT_HOME", "PREFECT_API_URL")}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    found = prepared_project(tmp_path_factory.mktemp("champion") / "project")
    (found.folder / "evaluate.py").write_text(EVALUATE)
    (found.folder / "register.py").write_text(REGISTER)
    return found


def evaluate(project: Project, server: dict[str, str]) -> str:
    project.environment |= server
    return project.run("evaluate")


def test_evaluation_without_a_champion_does_nothing(project: Project, server: dict[str, str]) -> None:
    output = evaluate(project, server)
    assert f"Completed: no version of {NAME} is live: there is nothing to score" in output
    assert "Traceback" not in output


def _runs(project: Project) -> dict[str, Run]:
    store = project.store()
    experiment = store.get_experiment_by_name("vocal-isolation")
    return {run.info.run_name: run for run in store.search_runs([experiment.experiment_id])}


def test_new_scores_are_compared_with_those_at_the_promotion(project: Project, server: dict[str, str]) -> None:
    save_tiny_model(project.folder / "made" / "model")
    project.run("register")
    output = evaluate(project, server)
    (outcome,) = [line for line in output.splitlines() if line.startswith("Completed: ")]
    runs = _runs(project)
    scored, training = runs[f"champion {NAME}/1"], runs["a training"]
    sdr = scored.data.metrics["test/vocals/SDR"]
    assert f"vocals {sdr:.2f} dB SDR, {sdr + 40:+.2f} against -40.00 when it was trained" in outcome
    assert "accompaniment" in outcome
    assert "not scored before" in outcome
    assert "1 test tracks, which are not those of then" in outcome
    assert scored.info.run_id in outcome
    assert scored.info.status == "FINISHED"
    assert (scored.data.tags["stage"], scored.data.tags["champion.version"]) == ("evaluate-champion", "1")
    assert training.data.metrics == {"test/vocals/SDR": -40.0, "test/mixture/vocals/SDR": 1.0}
    assert not (project.workspace / "train").exists()
    assert [path for path in (project.workspace / "checkouts").iterdir() if path.is_dir()] == []
