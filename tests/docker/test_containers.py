"""The images and the stack on a real Docker engine: `make test-containers`.

The first run builds all images (minutes); later ones use the engine's cache. The tests run in order, on one stack.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from demo_songs import render_song
from tests.docker.written import composer
from tests.support.processes import wait_until
from tests.support.stack.container_stack import BUCKET, MISSING, ContainerStack, engine_answers
from tests.support.stack.stacked_project import copied_tiny_project, set_values

pytestmark = [pytest.mark.containers, pytest.mark.timeout(2400)]

RATE = 44100
SONGS = 12
AWAY = 8.0
"""Seconds that a killed server is away."""
BUILD_TOOLS = "gcc cc ld make"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContainerStack]:
    command = composer()
    if not engine_answers() or command is None:
        pytest.skip(MISSING)
    project = copied_tiny_project(tmp_path_factory.mktemp("containers") / "project")
    set_values(project, {"acquire.folder": f"s3://{BUCKET}/multitracks"})
    stack = ContainerStack(project, command)
    stack.write_settings()
    try:
        yield stack
    finally:
        stack.remove()


@pytest.fixture(scope="module")
def images(stack: ContainerStack) -> dict[str, str]:
    """The names of the built images by target."""
    return stack.build()


@pytest.fixture(scope="module")
def running(stack: ContainerStack, images: dict[str, str]) -> ContainerStack:
    """The stack, with all servers and a worker, and with multitracks and a catalogue in its store."""
    stack.start()
    stack.put(stack.project.folder / "data", "multitracks")
    catalogue = stack.project.folder.parent / "catalogue"
    write_songs(catalogue, range(20, 20 + SONGS))
    stack.put(catalogue, "in")
    stack.stemline("deploy", "stemline")
    return stack


def write_songs(folder: Path, seeds: range) -> None:
    folder.mkdir()
    for seed in seeds:
        soundfile.write(folder / f"{seed}.flac", np.sum([*render_song(seed, 8.0, RATE).values()], axis=0).T, RATE)


def run_image(image: str, *arguments: str, mounts: tuple[str, ...] = (), entrypoint: str | None = None) -> str:
    """Run a new container of an image without a network and on a read-only root; return what it printed."""
    options = ["--rm", "--network=none", "--read-only", "--tmpfs=/tmp:exec,mode=1777"]
    options += [f"--volume={mount}" for mount in mounts]
    options += [f"--entrypoint={entrypoint}"] if entrypoint else []
    command = ["docker", "run", *options, image, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("target", ["mlflow", "prefect", "worker", "separate"])
def test_image_has_labels_a_list_of_packages_and_no_build_tools(images: dict[str, str], target: str) -> None:
    described = subprocess.run(["docker", "image", "inspect", images[target]], capture_output=True, check=True)
    [image] = json.loads(described.stdout)
    assert image["Config"]["User"] == "10001:10001"
    assert image["Config"]["Labels"]["org.opencontainers.image.version"] == ContainerStack.tag
    search = f"for tool in {BUILD_TOOLS}; do command -v $tool; done; ls /opt/venv/bin/pip"
    assert "/" not in run_image(images[target], "-c", f"({search}) 2> /dev/null; true", entrypoint="sh")
    sbom = json.loads(run_image(images[target], "/usr/share/stemline/sbom.json", entrypoint="cat"))
    listed = {entry["purl"].partition("@")[0] for entry in sbom["components"]}
    assert {"pkg:deb/debian/tini", "pkg:pypi/requests"} <= listed


def test_separate_works_without_a_network(images: dict[str, str], tmp_path: Path) -> None:
    write_songs(tmp_path / "in", range(20, 21))
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o777)  # for the image's user
    text = run_image(
        images["separate"], "/in", "/out", mounts=(f"{tmp_path / 'in'}:/in:ro", f"{tmp_path / 'out'}:/out")
    )
    assert "1 recordings = 1 done" in text
    assert (tmp_path / "out" / "20.flac" / "vocals.wav").is_file()


def test_worker_trains_and_promotes_a_model(running: ContainerStack) -> None:
    state = running.wait_for_run(running.start_run("retrain/scheduled"))
    assert "version 1 is @champion now" in state["message"], state


@pytest.mark.parametrize("victim", ["s3", "mlflow"])
def test_catalogue_survives_a_killed_server(running: ContainerStack, victim: str) -> None:
    out = f"out-{victim}"
    with running.start_compose("run", "--rm", "-T", "separate", f"s3://{BUCKET}/in", f"s3://{BUCKET}/{out}") as job:
        wait_until(lambda: running.digests(out), "the first stems", every=0.2)
        running.kill(victim)
        time.sleep(AWAY)
        running.start_again(victim)
        text, _ = job.communicate(timeout=300)
    assert job.returncode == 0, text
    assert f"{SONGS} recordings = {SONGS} done" in text
    assert "waiting for" in text, "the job was over before the server was away"
    stems = [key for key in running.digests(out) if key.endswith("/vocals.wav")]
    assert len(stems) == SONGS


def test_shards_survive_killed_servers(running: ContainerStack) -> None:
    catalogue = ("separate", f"s3://{BUCKET}/in", f"s3://{BUCKET}/out", "--pool", "stemline", "--shards", "2")
    with running.start_compose("exec", "-T", "worker", "stemline", *catalogue) as job:
        wait_until(lambda: running.digests("out"), "the first stems", every=0.2)
        for victim in ("postgres", "prefect"):
            running.kill(victim)
            running.start_again(victim)
        text, _ = job.communicate(timeout=600)
    assert job.returncode == 0, text
    assert f"{SONGS} recordings = {SONGS} done" in text


def test_rollback_goes_back_to_the_shipped_model(running: ContainerStack) -> None:
    assert "before, version 1 was live" in running.stemline("rollback", "--why", "hollow voices")
    assert "no version of vocal-isolation" in running.stemline("status")


def test_backup_brings_back_a_removed_stack(running: ContainerStack) -> None:
    before = state_of(running)
    folder = running.run_script("backup", "backups").strip().splitlines()[-1]
    running.remove()
    running.start()
    assert state_of(running) != before
    running.compose("stop", "worker", "mlflow", "prefect")
    running.run_script("restore", folder)
    running.start()
    assert state_of(running) == before


def state_of(stack: ContainerStack) -> tuple[Any, ...]:
    """Return the journal, the stems and the deployments of a stack."""
    deployments = [found["name"] for found in stack.ask("POST", "deployments/filter", {})]
    return json.loads(stack.stemline("history", "--json")), stack.digests("out"), sorted(deployments)
