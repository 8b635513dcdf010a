"""Secrets stay in the environment: none is in what is printed, in stems, ledgers and provenance, in MLflow or Prefect.

Everything that tells of a job is searched, after one that worked and after some that could not: with a wrong key, with
the store down, with MLflow down, with a webhook that fails.
"""

import base64
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pyarrow.parquet
import pytest
import soundfile
import yaml

from tests.support.bucket import Bucket
from tests.support.databases import new_mlflow_store, new_prefect_home
from tests.support.http_server import serve_requests
from tests.support.tiny_models import ROOT, noise, save_tiny_model

USER = "leakuser"
SECRETS = {
    "AWS_ACCESS_KEY_ID": "LEAKAWSKEYID0001",
    "AWS_SECRET_ACCESS_KEY": "leakAwsSecret0002",
    "MLFLOW_TRACKING_PASSWORD": "leakMlflowPassword0003",
    "MLFLOW_TRACKING_TOKEN": "leakMlflowToken0004",
    "PREFECT_API_AUTH_STRING": f"{USER}:leakPrefectPassword0005",
    "PREFECT_API_KEY": "leakPrefectKey0006",
}
IN_WEBHOOK = "leakWebhook0007"
IN_ADDRESS = "leakAddress0008"
WRONG = "leakWrongSecret0009"
OTHERS = {
    "a password in an address": IN_ADDRESS,
    "an address in STEMLINE_WEBHOOK": IN_WEBHOOK,
    "a wrong secret": WRONG,
    "a login, as it is sent": base64.b64encode(SECRETS["PREFECT_API_AUTH_STRING"].encode()).decode(),
}
RECORDING = "recording.flac"

FLOW = """
import json, sys
import pipelines.running
from prefect import flow, tags
from prefect.states import Failed
from pipelines.server.automations import TAG, connect_to_server
from pipelines.processes.command import CommandError
from pipelines.server.automations import notify_by_webhook
from pipelines.running.tasks import run_as_task

@flow(name="secrets")
def job():
    for name, command, more in json.loads(sys.argv[1]):
        try:
            run_as_task(name, [sys.executable, *command], accepted_codes=(0, 1), environment=more)
        except CommandError as error:
            print(f"ended: {error}")
    return Failed(message="as it should")

with connect_to_server() as client, tags(TAG):
    print(notify_by_webhook(client))
    job(return_state=True)
"""
"""Runs commands as tasks, so that their output is in Prefect's log, and fails, so that a notification is sent."""


class KeyedBucket(Bucket):
    """A bucket with an unmistakable key."""

    @property
    def variables(self) -> dict[str, str]:
        keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        return super().variables | {name: SECRETS[name] for name in keys}


@dataclass(frozen=True)
class Traces:
    """The traces of a job by place: its output, and the files of the stores as bytes."""

    found: dict[str, list[tuple[str, bytes]]]

    def holding(self, text: str) -> list[str]:
        """Return each occurrence of `text`: the place, the name, and the surrounding bytes."""
        every = ((place, name, data) for place, files in self.found.items() for name, data in files)
        hits = ((place, name, data, data.find(text.encode())) for place, name, data in every)
        return [
            f"{place}: {name}: {data[max(0, at - 80) : at + 80].decode(errors='replace')}"
            for place, name, data, at in hits
            if at >= 0
        ]


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    folder = tmp_path_factory.mktemp("secrets")
    with ExitStack() as stack:
        bucket = KeyedBucket(folder / "s3")
        (folder / "s3").mkdir()
        bucket.start()
        stack.callback(bucket.stop)
        mlflow, prefect = stack.enter_context(_servers(folder))
        project = _project(folder / "project")
        soundfile.write(folder / RECORDING, noise(0, 9000).T, 44100)
        bucket.put(folder / RECORDING, f"in/{RECORDING}")
        webhook, told = stack.enter_context(_webhook())
        variables = bucket.variables | {
            "STEMLINE_WEBHOOK": f"{webhook}/{IN_WEBHOOK}",
            "MLFLOW_TRACKING_URI": f"http://{USER}:{IN_ADDRESS}@127.0.0.1:{mlflow}",
            "PREFECT_API_URL": f"http://127.0.0.1:{prefect}/api",
            "PREFECT_HOME": str(folder / "client"),
        }
        printed = _run(project, SECRETS | variables, _commands(str(folder / "model")))
        assert told.wait(60), printed.decode(errors="replace")[-2000:]
        bucket.get("out", folder / "out")
    return Traces(
        {
            "printed": [("output", printed)],
            "destination": list(_contents(folder / "out")),
            "workspace": list(_contents(project)),
            "MLflow": list(_contents(folder / "mlflow")),
            "Prefect": [*_contents(folder / "prefect"), *_contents(folder / "client")],
        }
    )


def _commands(model: str) -> list[tuple[str, list[str], dict[str, str]]]:
    """Return the name, the command and the extra environment variables of each program."""
    save_tiny_model(Path(model))
    separate = ["-m", "components.separate", "--model", model, "s3://music/in"]
    nobody = f"http://{USER}:{IN_ADDRESS}@127.0.0.1:9"
    impatient = {"MLFLOW_TRACKING_URI": nobody, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    champion = [*separate[:3], "models:/vocal-isolation@champion", "s3://music/in", "s3://music/unknown"]
    return [
        ("works", [*separate, "s3://music/out", "--format", "flac"], {}),
        ("wrong key", [*separate, "s3://music/refused"], {"AWS_SECRET_ACCESS_KEY": WRONG}),
        ("store down", [*separate, "s3://music/down"], {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}),
        ("MLflow down", champion, impatient),
        ("lineage", ["-m", "components.separate.lineage.trace", f"s3://music/out/{RECORDING}/vocals.flac"], {}),
        ("doctor", ["-m", "components.doctor", "--store", "s3://music/out"], {}),
        ("status", ["-m", "pipelines.terminal.cli", "status"], {}),
    ]


def _project(folder: Path) -> Path:
    """Make a folder to run in, with short time limits in its parameters and an empty DVC."""
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc/config").write_text("[core]\n    no_scm = True\n", encoding="utf-8")
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["separate"] |= {"patience_seconds": 0.1, "workers": 1}
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return folder


def _run(project: Path, variables: dict[str, str], commands: list[tuple[str, list[str], dict[str, str]]]) -> bytes:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PREFECT_", "STEMLINE_"))}
    places = {"STEMLINE_WORKSPACE": "workspace", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", FLOW, json.dumps(commands)],
        cwd=project, env=clean | places | variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-4000:]
    return done.stdout


@contextmanager
def _webhook() -> Iterator[tuple[str, threading.Event]]:
    """Run a receiver that answers with an error, so that the sender logs one; yield its address, and an event."""
    told = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_error(500)
            told.set()

        def log_message(self, *arguments: object) -> None:
            pass

    with serve_requests(Handler) as address:
        yield f"{address}/hook", told


@contextmanager
def _servers(folder: Path) -> Iterator[list[int]]:
    """Run MLflow's server and Prefect's, the latter with a login; yield their ports."""
    ports = []
    for _ in range(2):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(int(probe.getsockname()[1]))
    (folder / "client").mkdir()
    new_prefect_home(folder / "prefect")
    store = new_mlflow_store(folder / "mlflow" / "mlflow.db")
    mlflow = ["mlflow", "server", "--backend-store-uri", store, "--workers", "1"]
    mlflow += ["--artifacts-destination", str(folder / "mlflow/artifacts")]
    settings = {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_API_AUTH_STRING": SECRETS["PREFECT_API_AUTH_STRING"],
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    with ExitStack() as stack:
        for command, port in zip((mlflow, ["prefect", "server", "start"]), ports, strict=True):
            arguments = [sys.executable, "-m", *command, "--host", "127.0.0.1", "--port", str(port)]
            log = stack.enter_context((folder / command[0] / "server.log").open("wb"))
            process = subprocess.Popen(
                arguments, env=os.environ | settings, cwd=folder, stdout=log, stderr=log, start_new_session=True
            )
            stack.callback(_end, process)
        for port, path in zip(ports, ("health", "api/health"), strict=True):
            _wait_for(f"http://127.0.0.1:{port}/{path}")
        yield ports


def _end(process: "subprocess.Popen[bytes]") -> None:
    os.killpg(process.pid, 15)
    process.wait()


def _wait_for(url: str) -> None:
    asked = urllib.request.Request(url, headers={"Authorization": f"Basic {OTHERS['a login, as it is sent']}"})
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(asked, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"{url} does not answer")


def _contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Return every file by name as bytes, and the content of databases and tables, which split or compress text."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".db":
            with closing(sqlite3.connect(path)) as database:  # when it is closed, all is in this one file
                yield f"{name}, its rows", "\n".join(database.iterdump()).encode()
        if path.suffix == ".parquet":
            table = pyarrow.parquet.read_table(path)
            yield f"{name}, its rows", f"{table.schema.metadata} {table.to_pylist()}".encode()
        if not path.name.endswith((".db-wal", ".db-shm")):
            yield name, path.read_bytes()


@pytest.mark.system
@pytest.mark.parametrize("place", ["printed", "destination", "MLflow", "Prefect"])
def test_every_place_has_traces_of_the_job(traces: Traces, place: str) -> None:
    """Without these traces the other tests would prove nothing."""
    assert any(found.startswith(place) for found in traces.holding("s3://music/in")), traces.found[place]


@pytest.mark.system
def test_every_command_did_its_work(traces: Traces) -> None:
    printed = traces.found["printed"][0][1].decode()
    for said in (
        "1 recordings = 1 done",
        "access denied",
        "is AWS_ENDPOINT_URL right, and the store up?",
        "MLflow at ",
        "ok (+)",
        "Live",
        "trained by",
        "sent to the address in STEMLINE_WEBHOOK",
    ):
        assert said in printed, said


@pytest.mark.system
@pytest.mark.parametrize("name", [*SECRETS, *OTHERS])
def test_no_place_holds_a_secret(traces: Traces, name: str) -> None:
    value = (SECRETS | OTHERS)[name].rpartition(f"{USER}:")[2]
    assert traces.holding(value) == []


# Files that a person might commit -------------------------------------------------------------------------------------

KEYS = re.compile(
    rb"(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])"
    rb"|-----BEGIN [A-Z ]*PRIVATE KEY"
    rb"|\bgh[pousr]_[0-9A-Za-z]{36}|\bgithub_pat_[0-9A-Za-z_]{60}"
    rb"|\bxox[abpr]-[0-9A-Za-z-]{20}|hooks\.slack\.com/services/T[0-9A-Z]"
    rb"|\bpnu_[0-9A-Za-z]{30}"
    rb"|(?i:aws_secret_access_key)[\"']?\s*[=:]\s*[\"']?[0-9A-Za-z/+]{40}(?![0-9A-Za-z/+])"
)
"""Keys of AWS, SSH and TLS, GitHub, Slack, Prefect."""


@pytest.mark.slow
def test_git_holds_no_keys() -> None:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    names = [os.fsdecode(name) for name in listed.split(b"\0") if name]
    assert "params.yaml" in names
    files = [path for name in names if (path := ROOT / name).is_file()]
    assert [path.name for path in files if KEYS.search(path.read_bytes())] == []
    assert [name for name in names if re.search(r"(^|/)(secrets/|\.env$|id_rsa|.*\.pem$)", name)] == []


@pytest.mark.parametrize(
    "text",
    [
        "AKIA" + 16 * "A",
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "ghp_" + 36 * "x",
        "aws_secret_access_key = " + 40 * "k",
    ],
)
def test_search_finds_keys(text: str) -> None:
    assert KEYS.search(text.encode())
