"""One process creates the MLflow store, and a store that does not answer is one line."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.core.base.errors import Outage, UserError
from components.core.tracking import mlflow_address, mlflow_runs
from components.core.tracking.mlflow_address import tracking_uri
from components.core.tracking.mlflow_runs import RunRef
from tests.support.tiny_models import environment


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture
def store(uri: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return uri


def test_run_ref_is_read_back_from_its_file(tmp_path: Path) -> None:
    ref = RunRef(run_id="0123", experiment="vocal-isolation")
    ref.write(tmp_path)
    assert RunRef.read(tmp_path) == ref
    with pytest.raises(UserError, match=r"run\.json does not exist: run `dvc repro train`"):
        RunRef.read(tmp_path / "elsewhere")


@pytest.mark.slow
def test_logged_values_are_read_back(store: str, tmp_path: Path) -> None:
    client = mlflow_runs.connect()
    run = client.create_run(mlflow_runs.experiment_id(client))
    ref = RunRef(run_id=run.info.run_id)
    mlflow_runs.require_run(ref)
    mlflow_runs.log_metrics(client, ref, {"loss": 0.5, "sdr": 3.0}, step=7)
    mlflow_runs.log_params(client, ref, {"seed": 7, "long": "x" * 9000})
    mlflow_runs.set_tags(client, ref, {"stage": "train"})
    (tmp_path / "note.txt").write_text("hello")
    with mlflow_runs.active_run(ref):
        import mlflow

        mlflow.log_artifact(str(tmp_path / "note.txt"))
    found = client.get_run(ref.run_id)
    assert found.data.metrics == {"loss": 0.5, "sdr": 3.0}
    assert found.data.params == {"seed": "7", "long": "x" * 6000}
    assert found.data.tags["stage"] == "train"
    assert [item.path for item in client.list_artifacts(ref.run_id)] == ["note.txt"]
    folder = Path(store.removeprefix("sqlite:///")).parent
    assert list(folder.glob("artifacts/**/note.txt"))


def test_run_of_another_store_is_a_user_error(store: str) -> None:
    with pytest.raises(UserError, match=r"MLflow run 0123 is not in sqlite:.*MLFLOW_TRACKING_URI"):
        mlflow_runs.require_run(RunRef(run_id="0123", experiment="x"))


def test_deleted_run_is_missing(store: str) -> None:
    client = mlflow_runs.connect()
    run = client.create_run(mlflow_runs.experiment_id(client))
    ref = RunRef(run_id=run.info.run_id, experiment="x")
    assert mlflow_runs.has_run(ref)
    client.delete_run(ref.run_id)  # as a person deletes it in the UI
    assert not mlflow_runs.has_run(ref)


def test_default_store_lies_in_the_workspace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(mlflow_address, "WORKSPACE", tmp_path)
    assert tracking_uri() == f"sqlite:///{tmp_path}/mlflow/mlflow.db"


def test_server_that_is_down_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(Outage, match=r"MLflow at http://127\.0\.0\.1:9 does not work") as error:
        mlflow_runs.connect()
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.slow
def test_four_processes_can_create_a_store_at_once(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom components.core.tracking import mlflow_runs\n"
        "Path(sys.argv[1]).touch()\n"
        "while not Path('go').exists():\n    time.sleep(0.01)\n"
        "client = mlflow_runs.connect()\n"
        "run = client.create_run(mlflow_runs.experiment_id(client))\n"
        "mlflow_runs.log_metrics(client, mlflow_runs.RunRef(run_id=run.info.run_id), {'a': 1.0})\n"
        "print(run.info.run_id)\n"
    )
    more = environment(MLFLOW_TRACKING_URI=f"sqlite:///{tmp_path / 'mlflow' / 'mlflow.db'}")
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", code, f"ready{number}"],
            cwd=tmp_path,
            env=more,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    while len(list(tmp_path.glob("ready*"))) < 4 and all(starter.poll() is None for starter in starters):
        time.sleep(0.05)
    (tmp_path / "go").touch()
    results = [starter.communicate(timeout=300) for starter in starters]
    assert [starter.returncode for starter in starters] == [0] * 4, results
    assert len({out for out, _ in results}) == 4
