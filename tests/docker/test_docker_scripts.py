"""The scripts in docker/, and the packages of the image for separation."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docker.written import DOCKER, ROOT, STACK, made_secrets


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    return made_secrets(tmp_path)


def test_setup_creates_private_random_secrets_once(secrets: Path) -> None:
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
    lines = subprocess.run(script, env=env, capture_output=True, text=True, check=True).stdout.splitlines()
    assert 'PGPASSWORD=it\'s a "pass" $word' in lines
    assert not any(line.startswith("MUSDB_PATH") for line in lines), "an empty variable is no folder"
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
    second = git("rev-parse", "HEAD")
    git("tag", "published", first)
    git("checkout", "--quiet", "-b", "trial")
    git("commit", "--quiet", "--allow-empty", "--message", "three")
    git("checkout", "--quiet", "--detach", second)
    assert enter().stdout.strip() == second
    for name, commit in {"trial": git("rev-parse", "trial"), "published": first}.items():
        command = ["git", "-C", str(home), "rev-parse", f"{name}^{{commit}}"]
        assert subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.strip() == commit


def test_in_repository_runs_without_a_repository(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "STEMLINE_SOURCE": "", "STEMLINE_HOME": str(tmp_path)}
    command = [str(DOCKER / "bin" / "in-repository"), "pwd"]
    assert subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout == f"{tmp_path}\n"
    assert not (tmp_path / ".git").exists()


def test_commands_name_existing_modules() -> None:
    folders = [path for folder in ("docker", "docs") for path in (ROOT / folder).rglob("*") if path.is_file()]
    files = [*folders, *(ROOT / name for name in ("README.md", "Makefile", "dvc.yaml", "prefect.yaml"))]
    text = "\n".join(path.read_text(errors="ignore") for path in files)
    named = set(re.findall(r"""-m(?: |", ")((?:components|pipelines)[\w.]*\w)""", text))
    named |= {name.removesuffix(".py").replace("/", ".") for name in re.findall(r"entrypoint: (\S+\.py):", text)}
    assert {"components.train", "components.train.worker", "pipelines.flows.retraining"} <= named
    missing = []
    for name in named:
        path = ROOT / Path(*name.split("."))
        if not (path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()):
            missing.append(name)
    assert missing == []


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
class ImportBlocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r} in the image", name=name)
sys.meta_path.insert(0, ImportBlocker())
for name in [m for m in sys.modules if m.partition(".")[0] in absent]:
    del sys.modules[name]
import importlib, pkgutil
import components.separate as package
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
sys.argv = ["stemline", "separate", "--help"]
from pipelines.terminal.cli import main
main()
"""


@pytest.mark.slow
def test_separate_image_installs_every_import_of_separation() -> None:
    listed = (ROOT / "requirements" / "separate.txt").read_text().splitlines()
    # prefect stands for prefect-client, which the build adds: a part of it under the same name
    names = " ".join([*(line for line in listed if not line.startswith("#")), "prefect"])
    answer = subprocess.run(
        [sys.executable, "-c", ONLY_LISTED, names], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
