"""The stack of docker/compose.yaml in containers of a real engine, with names and ports of its own."""

import configparser
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import requests

from tests.support.processes import environment_without, free_port, wait_until
from tests.support.project import Project
from tests.support.stack.stack import ENDED

MISSING = "no Docker engine answers `docker info`: these tests build images and start containers"
BUCKET = "stemline"
_SETTINGS = ("STEMLINE_", "MLFLOW_", "PREFECT_", "S3_", "WORKER_", "MUSDB_", "COMPOSE_")


def _environment() -> dict[str, str]:
    """Return this process's environment without settings of the stack, which would hide those in .env."""
    return environment_without(_SETTINGS)


def engine_answers() -> bool:
    """Return whether this machine has a Docker engine that this user may use."""
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "info"], capture_output=True, check=False).returncode == 0


@dataclass
class ContainerStack:
    """The services of `project`'s compose.yaml. `composer` is the command for Docker Compose."""

    project: Project
    composer: list[str]
    name: str = field(default_factory=lambda: f"stemline-test-{os.getpid()}")
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in ("MLFLOW", "PREFECT", "S3")})
    tag: str = "0.1.0-test"

    def write_settings(self) -> None:
        """Run setup.sh, and replace ports and tag in .env: a person's own stack may run beside this one."""
        docker = self.project.folder / "docker"
        subprocess.run(["sh", "docker/setup.sh"], cwd=self.project.folder, check=True, capture_output=True)
        values = {"STEMLINE_TAG": self.tag, **{f"{name}_PORT": str(port) for name, port in self.ports.items()}}
        kept = [line for line in (docker / ".env").read_text().splitlines() if line.partition("=")[0] not in values]
        (docker / ".env").write_text("\n".join([*kept, *(f"{name}={value}" for name, value in values.items())]) + "\n")

    def compose(self, *arguments: str) -> str:
        """Run Docker Compose; return what it printed on stdout."""
        done = subprocess.run(
            [*self._compose(), *arguments], cwd=self.project.folder, env=_environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{arguments}\n{done.stdout}{done.stderr}"
        return done.stdout

    def start_compose(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start Docker Compose; its output goes to one pipe."""
        return subprocess.Popen(
            [*self._compose(), *arguments], cwd=self.project.folder, env=_environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def build(self) -> dict[str, str]:
        """Build the images of all services as compose.yaml says; return their names by target.

        `docker build` reads the same settings as `docker compose build`, and needs no buildx beside the engine.
        """
        services = json.loads(self.compose("--profile", "tools", "config", "--format", "json"))["services"]
        images: dict[str, str] = {}
        for service in services.values():
            build = service.get("build")
            if build is None or build["target"] in images:
                continue
            arguments = [f"--build-arg={name}={value}" for name, value in build.get("args", {}).items()]
            done = subprocess.run(
                ["docker", "build", "--progress=plain", "--file", build["dockerfile"], f"--target={build['target']}",
                 f"--tag={service['image']}", *arguments, "."],
                cwd=build["context"], env={**os.environ, "DOCKER_BUILDKIT": "1"}, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout[-5000:]
            images[build["target"]] = service["image"]
        return images

    def start(self) -> None:
        """Start all services, and wait until the worker is healthy."""
        self.compose("up", "--detach")
        self.wait_for("worker")

    def remove(self) -> None:
        """Remove all containers, volumes and networks."""
        self.compose("--profile", "tools", "down", "--volumes", "--timeout", "5")

    def wait_for(self, service: str) -> None:
        """Wait until a service is healthy."""
        wait_until(lambda: self._health(service) == "healthy", f"a healthy {service}", every=1.0)

    def kill(self, service: str) -> None:
        """Kill a service's container with -9."""
        self.compose("kill", service)

    def start_again(self, service: str) -> None:
        """Start a killed service, and wait until it is healthy."""
        self.compose("start", service)
        self.wait_for(service)

    def run_script(self, name: str, *arguments: str) -> str:
        """Run docker/bin/backup or restore on this stack; return its output."""
        command = ["sh", f"docker/bin/{name}", *arguments]
        environment = {**_environment(), "STEMLINE_COMPOSE": " ".join(self._compose())}
        done = subprocess.run(
            command, cwd=self.project.folder, env=environment, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stemline(self, *arguments: str) -> str:
        """Run `stemline` in the worker's container."""
        return self.compose("exec", "-T", "worker", "stemline", *arguments)

    def start_run(self, deployment: str, **parameters: Any) -> str:
        """Start a run of the deployment `<flow>/<name>`; return its id."""
        found = self.ask("GET", f"deployments/name/{deployment}")["id"]
        body = {"parameters": parameters, "idempotency_key": str(uuid4())}
        return str(self.ask("POST", f"deployments/{found}/create_flow_run", body)["id"])

    def wait_for_run(self, run: str, seconds: float = 900.0) -> Mapping[str, Any]:
        """Wait until a flow run has ended; return its state."""
        wait_until(lambda: self._state(run)["type"] in ENDED, f"the end of flow run {run}", seconds, every=2.0)
        return self._state(run)

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the answer of Prefect's server."""
        answer = requests.request(method, f"http://127.0.0.1:{self.ports['PREFECT']}/api/{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def put(self, local: Path, key: str) -> None:
        """Copy a file, or all files of a folder, to the bucket of the pipeline."""
        for path in [path for path in local.rglob("*") if path.is_file()] if local.is_dir() else [local]:
            self._store().upload_file(str(path), BUCKET, f"{key}/{path.relative_to(local)}" if local.is_dir() else key)

    def digests(self, folder: str) -> dict[str, str]:
        """Return the ETag of each object below a folder of the bucket by its key."""
        pages = self._store().get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{folder}/")
        return {entry["Key"]: entry["ETag"] for page in pages for entry in page.get("Contents", [])}

    def _compose(self) -> list[str]:
        return [*self.composer, "-f", "docker/compose.yaml", "-p", self.name]

    def _health(self, service: str) -> str:
        rows = self.compose("ps", "--all", "--format", "json", service).splitlines()
        return str(json.loads(rows[0])["Health"]) if rows else ""

    def _state(self, run: str) -> Mapping[str, Any]:
        state: Mapping[str, Any] = self.ask("GET", f"flow_runs/{run}")["state"]
        return state

    def _store(self) -> Any:
        keys = configparser.ConfigParser()
        keys.read(self.project.folder / "docker" / "secrets" / "s3_pipeline.ini")
        return boto3.client(
            "s3", endpoint_url=f"http://127.0.0.1:{self.ports['S3']}", region_name="us-east-1", **keys["default"]
        )
