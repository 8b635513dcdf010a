"""A copied project whose journal and DVC remote lie in the stack's store."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from pathlib import Path

import pytest
import soundfile
from ruamel.yaml import YAML

from components.core.networks.architectures.unet import UNetConfig
from components.core.sound.stft_config import StftConfig
from demo_songs import render_song
from tests.support.project import Project, copied_project
from tests.support.stack.postgres import MISSING, postgres_programs
from tests.support.stack.stack import Stack, running_stack
from tests.support.tiny_models import save_tiny_model

_RATE = 22050

NAME = "vocal-isolation"
"""The project's registered model: it learns from more than demo songs."""

_NETWORK = UNetConfig(widths=(4, 8), stft=StftConfig(window=512, hop=128), bins=128, frames=129)  # as in project.TINY


VALUES: Mapping[str, object] = {
    "acquire.datasets": ["demo", "folder"],
    # long enough for a clear difference between two models
    "train.steps": 100,
    "evaluate.systems": ["model", "mixture"],  # what the gate needs
    "evaluate.post": {},
    "gate.minimum_tracks": 4,
    "gate.margin_db": 0.5,
    "gate.stem_limit_db": 1.0,
}


@dataclass
class StackedProject:
    """A project and the servers that it uses."""

    project: Project
    stack: Stack


@contextmanager
def project_in_a_stack(folder: Path) -> Iterator[StackedProject]:
    """Copy the project into `folder`, and start the stack with a worker in it; skips the test without PostgreSQL."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip(MISSING)
    project = copied_tiny_project(folder / "project")
    servers = folder / "servers"
    servers.mkdir()
    with running_stack(servers, programs, project.folder, project.environment) as stack:
        _use(stack, project)
        yield StackedProject(project, stack)


def copied_tiny_project(folder: Path) -> Project:
    """Copy the project to `folder`, and commit parameters with which a training of seconds can be promoted."""
    project = copied_project(folder)
    # an untrained model takes the place of the shipped one, which no training of seconds would match
    save_tiny_model(project.folder / "models" / "vocal-isolation", rate=_RATE, network=_NETWORK)
    for seed in (1, 2, 3):
        add_song(project, "test", seed)
    set_values(project, VALUES)
    return project


def _use(stack: Stack, project: Project) -> None:
    """Configure the project for the stack's servers, and commit the addresses of its journal and data."""
    project.environment |= stack.variables
    project.run("dvc", "remote", "add", "--default", "store", "s3://music/dvc")
    project.run("dvc", "remote", "modify", "store", "endpointurl", stack.variables["AWS_ENDPOINT_URL"])
    set_values(project, {"promote.journal": "s3://music/books"})


def set_values(project: Project, values: Mapping[str, object]) -> None:
    """Change values in the project's params.yaml, and commit."""
    yaml = YAML()
    path = Path(project.folder, "params.yaml")
    document = yaml.load(path)
    for name, value in values.items():
        *sections, key = name.split(".")
        reduce(getitem, sections, document)[key] = value
    yaml.dump(document, path)
    project.git("commit", "--quiet", "--all", "--message", ", ".join(values))


def add_song(project: Project, split: str, seed: int, seconds: float = 6.0) -> None:
    """Add a multitrack to the project's folder of user data."""
    stems = render_song(seed, seconds, _RATE)
    folder = project.folder / "data" / split / f"Artist {seed} - Song"
    folder.mkdir(parents=True)
    for name, samples in stems.items():
        soundfile.write(folder / f"{name}.flac", samples.T, _RATE)
