"""A catalogue on a real Prefect server, a work pool and its worker; the work of a killed shard gets done."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import soundfile

from components.core.base.files import digest_file
from tests.support.prefect_server import PREFECT, prefect_server
from tests.support.processes import end
from tests.support.tiny_models import noise, run_python, save_tiny_model

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

POOL = "studio"


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of clients of a running server with a process pool and a worker."""
    home = tmp_path_factory.mktemp("prefect")
    with prefect_server(home) as found, (home / "worker.log").open("wb") as log:
        environment = os.environ | found
        subprocess.run([PREFECT, "work-pool", "create", POOL, "--type", "process"], env=environment, check=True)
        command = [PREFECT, "worker", "start", "--pool", POOL, "--type", "process"]
        worker = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            yield found
        finally:
            end(worker)


def _stems(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): digest_file(path) for path in folder.rglob("*.wav")}


def test_workers_of_a_pool_share_a_catalogue(variables: dict[str, str], tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    (tmp_path / "in").mkdir()
    for number in range(5):
        soundfile.write(tmp_path / "in" / f"{number}.flac", noise(number, 20000).T, 44100)
    (tmp_path / "in" / "bad.wav").write_bytes(b"rubbish" * 100)
    places = [str(tmp_path / "in"), str(tmp_path / "out")]
    command = [
        "-m",
        "pipelines.terminal.cli",
        "separate",
        "--model",
        str(model),
        "--pool",
        POOL,
        "--shards",
        "2",
        *places,
    ]
    result = run_python(*command, cwd=tmp_path, more=variables)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "6 recordings = 5 done + 0 done before + 1 quarantined + 0 failed" in result.stdout + result.stderr
    alone = run_python(
        "-m", "components.separate", "--model", str(model), places[0], "alone", cwd=tmp_path, more=variables
    )
    assert alone.returncode == 4, alone.stderr
    assert _stems(tmp_path / "out") == _stems(tmp_path / "alone")
    runs = requests.post(f"{variables['PREFECT_API_URL']}/flow_runs/filter", json={}, timeout=30).json()
    shards = [run for run in runs if run["name"].startswith("shard ")]
    assert [run["state"]["type"] for run in shards] == ["COMPLETED", "COMPLETED"]
    assert [run["tags"] for run in shards] == [["stemline-shard"]] * 2
    automations = requests.post(f"{variables['PREFECT_API_URL']}/automations/filter", json={}, timeout=30).json()
    assert {found["name"] for found in automations} == {
        "stemline: runs without a heartbeat",
        "stemline: runs that a worker took and never started",
    }
    artifacts = requests.post(f"{variables['PREFECT_API_URL']}/artifacts/filter", json={}, timeout=30).json()
    assert any("5 done" in str(artifact["data"]) for artifact in artifacts)


@pytest.mark.parametrize("kind", ["docker", "kubernetes"])
def test_server_accepts_the_pool_templates(variables: dict[str, str], kind: str) -> None:
    template = str(Path(__file__).parents[3] / "docker" / "pools" / f"{kind}.json")
    command = [PREFECT, "work-pool", "create", f"our-{kind}", "--type", kind, "--base-job-template", template]
    subprocess.run(command, env=os.environ | variables, check=True)
    found = requests.get(f"{variables['PREFECT_API_URL']}/work_pools/our-{kind}", timeout=30).json()
    assert found["type"] == kind
    assert found["base_job_template"]["variables"]["properties"]["image"]["default"].startswith("stemline/worker")


def test_missing_pool_prints_one_line(variables: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    result = run_python(
        "-m", "pipelines.terminal.cli", "separate", "--pool", "nowhere", "in", "out", cwd=tmp_path, more=variables
    )
    assert result.returncode == 2
    assert "there is no work pool nowhere" in result.stderr
    assert "prefect work-pool create nowhere" in result.stderr
    assert "Traceback" not in result.stderr


def test_missing_server_says_how_to_start_one(tmp_path: Path) -> None:
    more = {"PREFECT_API_URL": "", "STEMLINE_WORKSPACE": str(tmp_path / "workspace")}
    result = run_python(
        "-m", "pipelines.terminal.cli", "separate", "--pool", POOL, "in", "out", cwd=tmp_path, more=more
    )
    assert result.returncode == 2
    assert "--pool needs a Prefect server" in result.stderr
