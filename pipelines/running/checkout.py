"""Clones of the project to work in: a run in one never touches a person's tree, and shares their DVC cache.

`workspace/checkouts` has a numbered folder for each run at a time. A run takes the first that is free, brings it to the
commit that it wants, and leaves what it made in DVC's cache, on an experiment's ref and in MLflow. Unfinished trainings
lie in the scratch folder that all share, so that the next run goes on with them wherever the last one was killed.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout
from ruamel.yaml import YAML

from components.core.base.errors import UserError
from components.core.base.workspace import SHARED, WORKSPACE
from components.core.tracking.mlflow_store import tracking_uri
from pipelines.running.command import CommandError, run_command
from pipelines.running.place import Place, dvc

CHECKOUTS = WORKSPACE / "checkouts"
PARAMS = "params.yaml"


@dataclass(frozen=True)
class Checkout(Place):
    """A clone; `parameters` is what its params.yaml held when it was made."""

    parameters: str = field(default="", repr=False)

    def set_parameters(self, values: Mapping[str, object]) -> None:
        """Have the clone's params.yaml differ from the commit's in these values, e.g. of `train.steps`, alone."""
        yaml = YAML()
        yaml.preserve_quotes = True  # else the file differs from the commit's, and what it makes is called dirty
        yaml.width = 120
        document = yaml.load(self.parameters)
        for name, value in values.items():
            *sections, last = name.split(".")
            place = document
            for section in sections:
                place = place.setdefault(section, {})
            place[last] = value
        if values:
            yaml.dump(document, self.folder / PARAMS)
        else:
            (self.folder / PARAMS).write_text(self.parameters, encoding="utf-8")

    def save_experiment(self, name: str) -> None:
        """Keep lock, parameters and metrics of this clone as an experiment of the project, in place of one before.

        DVC tells experiments apart by the commit that they were made at, too: one of the same name there stays.
        """
        quiet = dvc("exp", "save", "--force", "--name", name)
        run_command(quiet, lambda line: None, folder=self.folder, environment=self.environment)
        commit = _git(self.folder, "rev-parse", "HEAD").strip()
        # this one alone: the clone has refs of DVC's own work, and of experiments long gone from the project
        ref = f"refs/exps/{commit[:2]}/{commit[2:]}/{name}"
        _git(Path(), "fetch", "--quiet", "--no-tags", str(self.folder.resolve()), f"+{ref}:{ref}")

    def has_remote(self) -> bool:
        """Return whether DVC has a remote to pull from and push to."""
        return bool(run_command(dvc("remote", "list"), lambda line: None, folder=self.folder))

    def fetching(self) -> tuple[str, ...]:
        """Return the options of `dvc repro` by which it fetches what any machine has made of the same, and pushed."""
        return ("--pull",) if self.has_remote() else ()

    def forget(self) -> None:
        """Delete the clone: what it made is elsewhere."""
        shutil.rmtree(self.folder)


@contextmanager
def checked_out(commit: str = "HEAD", with_changes: bool = False) -> Iterator[Checkout]:
    """Yield a clone of the project in this folder at `commit`, which no other run uses meanwhile.

    `with_changes` brings along what is not committed yet. A clone that a killed run left is used again.
    """
    wanted = _commit(commit)
    with ExitStack() as held:
        folder = _free_place(held)
        _bring_to(folder, wanted)
        if with_changes:
            _bring_changes(folder)
        _share_cache(folder)
        _bring_data(folder)
        parameters = (folder / PARAMS).read_text(encoding="utf-8")
        yield Checkout(folder, folder / "workspace", _environment(), parameters)


def _commit(name: str) -> str:
    if not Path(PARAMS).is_file():
        raise UserError(f"{PARAMS} does not exist: run from the root of the project, where it lies")
    try:
        return _git(Path(), "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").strip()
    except CommandError:
        raise UserError(
            f"git has no commit {name} here: commit the project first (`git init && git add . && git commit`)"
        ) from None


def _free_place(held: ExitStack) -> Path:
    CHECKOUTS.mkdir(parents=True, exist_ok=True)
    for number in count():
        lock = FileLock(CHECKOUTS / f"{number}.lock")
        try:
            held.enter_context(lock.acquire(timeout=0))
        except Timeout:
            continue  # another run's
        return (CHECKOUTS / str(number)).resolve()
    raise AssertionError


def _bring_to(folder: Path, commit: str) -> None:
    """Have the clone in `folder` be at a commit; one that a full disk or a loss of power broke is made anew."""
    try:
        _update(folder, commit)
    except CommandError:
        shutil.rmtree(folder, ignore_errors=True)
        _update(folder, commit)


def _update(folder: Path, commit: str) -> None:
    if not (folder / ".git" / "HEAD").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        _git(Path(), "clone", "--quiet", "--no-checkout", ".", str(folder))
    for lock in (folder / ".git").rglob("*.lock"):
        lock.unlink()  # of a git that was killed: this place is ours alone
    _git(folder, "fetch", "--quiet", "--no-tags", "origin", "HEAD", "+refs/heads/*:refs/remotes/origin/*")
    _git(folder, "checkout", "--quiet", "--force", "--detach", commit)
    _git(folder, "clean", "--quiet", "-ffd")
    # of what dvc.lock names nothing is stale for having been made elsewhere
    if Path("dvc.lock").is_file() and not (folder / "dvc.lock").is_file():
        shutil.copyfile("dvc.lock", folder / "dvc.lock")


def _bring_changes(folder: Path) -> None:
    # bytes, and in git's own form whatever the person likes to see: line ends and letters must stay as they are
    plain = ("--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/")
    changes = _run("git", "diff", *plain, "HEAD")
    if changes:
        _run("git", "-C", str(folder), "apply", "--whitespace=nowarn", data=changes)
    for name in _git(Path(), "ls-files", "-z", "--others", "--exclude-standard").split("\0"):
        if Path(name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(name, folder / name)


def _share_cache(folder: Path) -> None:
    """Have the clone use this project's DVC cache and remotes."""
    local = Path(".dvc", "config.local")
    if local.is_file():
        shutil.copyfile(local, folder / local)
    cache = run_command(dvc("cache", "dir"), lambda line: None)[-1]
    (folder / ".dvc" / "tmp").mkdir(exist_ok=True)
    for lock in (folder / ".dvc" / "tmp").glob("*lock"):
        lock.unlink()  # of a run that was killed
    run_command(dvc("cache", "dir", "--local", str(Path(cache).resolve())), lambda line: None, folder=folder)


def _bring_data(folder: Path) -> None:
    """Give the clone the user's own multitracks, which git does not hold, without a second copy where that goes."""
    data = YAML(typ="safe").load(Path(PARAMS))["acquire"]["folder"]
    if Path(data).is_absolute() or not Path(data).is_dir():
        return
    shutil.rmtree(folder / data, ignore_errors=True)
    shutil.copytree(data, folder / data, copy_function=_link_or_copy)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _environment() -> dict[str, str]:
    return {
        "MLFLOW_TRACKING_URI": tracking_uri(),
        "STEMLINE_SHARED": str(SHARED.resolve()),
        "STEMLINE_WORKSPACE": "workspace",
        "PYTHONPATH": "",
    }


def _git(folder: Path, *arguments: str) -> str:
    return _run("git", "-C", str(folder), *arguments).decode(errors="surrogateescape")


def _run(*command: str, data: bytes | None = None) -> bytes:
    """Return what a command prints, byte for byte; raises CommandError, with the line that it ended with."""
    ended = subprocess.run(command, input=data, capture_output=True, check=False)
    if ended.returncode:
        lines = ended.stderr.decode(errors="replace").strip().splitlines() or ["it says no more"]
        raise CommandError(f"`{' '.join(command)}` failed: {lines[-1]}")
    return ended.stdout
