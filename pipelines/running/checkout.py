"""Clones of the project: a run in a clone never touches the user's files, and shares the project's DVC cache.

`workspace/checkouts` has a numbered folder for each concurrent run. A run takes the first free folder and checks its
commit out there. Its results go to DVC's cache, to an experiment's ref and to MLflow. Unfinished trainings lie in the
scratch folder that all clones share, so the next run goes on from where a killed one stopped.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout
from ruamel.yaml import YAML

from components.core.base.all_sections import require_no_mistakes
from components.core.base.params import PARAMS, read_parameters
from components.core.base.workspace import SHARED, WORKSPACE
from components.core.tracking.mlflow_address import tracking_uri
from pipelines.processes.command import CommandError, run_command
from pipelines.processes.dvc import dvc_command
from pipelines.running.commits import git, read_command_output, resolve_commit
from pipelines.running.project_stages import ProjectFolder
from pipelines.running.tasks import run_as_task

CHECKOUTS = WORKSPACE / "checkouts"


@dataclass(frozen=True)
class Checkout(ProjectFolder):
    """A clone of the project; `parameters` is the text of its params.yaml as checked out."""

    parameters: str = field(default="", repr=False)

    def set_parameters(self, values: Mapping[str, object]) -> None:
        """Write the checked-out params.yaml with these values changed, e.g. {"train.steps": 600}."""
        if not values:
            self.params.write_text(self.parameters, encoding="utf-8")
            return
        yaml = YAML()
        yaml.preserve_quotes = True  # other quotes than the commit's would mark the results as made of a dirty tree
        yaml.width = 120
        document = yaml.load(self.parameters)
        for name, value in values.items():
            *sections, last = name.split(".")
            section = document
            for key in sections:
                section = section.setdefault(key, {})
            section[last] = value
        yaml.dump(document, self.params)

    def require_valid_parameters(self) -> None:
        """Raise UserError, one line, when a section of this clone's params.yaml does not fit its step."""
        require_no_mistakes(read_parameters(self.params))

    def save_experiment(self, name: str) -> None:
        """Save lock, parameters and metrics of this clone as the project's DVC experiment `name`.

        It replaces an experiment of that name at the same commit; DVC keeps those at other commits.
        """
        save = dvc_command("exp", "save", "--force", "--name", name)
        run_command(save, folder=self.folder, environment=self.environment)
        commit = git(self.folder, "rev-parse", "HEAD").strip()
        # only this ref: the clone also has DVC's internal refs and experiments that the project no longer has
        ref = f"refs/exps/{commit[:2]}/{commit[2:]}/{name}"
        git(Path(), "fetch", "--quiet", "--no-tags", str(self.folder.resolve()), f"+{ref}:{ref}")

    def push(self) -> None:
        """Push the results to DVC's remote, if there is one.

        The run cache goes with them: it tells other machines which inputs gave which results; dvc.lock stays here.
        """
        if self._has_remote():
            run_as_task("push", dvc_command("push", "--run-cache"), folder=self.folder, environment=self.environment)

    def pull_options(self) -> tuple[str, ...]:
        """Return the options with which `dvc repro` fetches results that another machine pushed."""
        return ("--pull",) if self._has_remote() else ()

    def delete(self) -> None:
        """Delete the clone; its results are in DVC's cache and MLflow."""
        shutil.rmtree(self.folder)

    def _has_remote(self) -> bool:
        return bool(run_command(dvc_command("remote", "list"), folder=self.folder))


@contextmanager
def open_checkout(commit: str = "HEAD", with_changes: bool = False) -> Iterator[Checkout]:
    """Yield a clone of the current project at `commit`; no other run uses it meanwhile.

    `with_changes` also copies uncommitted changes. The clone of a killed run is used again.
    """
    full_commit = resolve_commit(commit)
    with ExitStack() as locks:
        folder = _lock_free_folder(locks)
        _check_out(folder, full_commit)
        if with_changes:
            _copy_changes(folder)
        _share_cache(folder)
        _copy_multitracks(folder)
        parameters = (folder / PARAMS).read_text(encoding="utf-8")
        yield Checkout(folder, folder / "workspace", _environment(), parameters)


def _lock_free_folder(locks: ExitStack) -> Path:
    CHECKOUTS.mkdir(parents=True, exist_ok=True)
    for number in count():
        lock = FileLock(CHECKOUTS / f"{number}.lock")
        try:
            locks.enter_context(lock.acquire(timeout=0))
        except Timeout:
            continue  # another run has it
        return (CHECKOUTS / str(number)).resolve()
    raise AssertionError


def _check_out(folder: Path, commit: str) -> None:
    """Bring the clone in `folder` to a commit; clone again if a full disk or a loss of power has broken it."""
    try:
        _update(folder, commit)
    except CommandError:
        shutil.rmtree(folder, ignore_errors=True)
        _update(folder, commit)


def _update(folder: Path, commit: str) -> None:
    if not (folder / ".git" / "HEAD").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        git(Path(), "clone", "--quiet", "--no-checkout", ".", str(folder))
    for lock in (folder / ".git").rglob("*.lock"):
        lock.unlink()  # a killed git left these locks: no other process uses this folder
    git(folder, "fetch", "--quiet", "--no-tags", "origin", "HEAD", "+refs/heads/*:refs/remotes/origin/*")
    git(folder, "checkout", "--quiet", "--force", "--detach", commit)
    git(folder, "clean", "--quiet", "-ffd")
    # with the project's lock, DVC finds the project's results in the shared cache
    if Path("dvc.lock").is_file() and not (folder / "dvc.lock").is_file():
        shutil.copyfile("dvc.lock", folder / "dvc.lock")


def _copy_changes(folder: Path) -> None:
    # as bytes and without the user's display settings, so that line ends and encodings stay as they are
    plain = ("--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/")
    changes = read_command_output("git", "diff", *plain, "HEAD")
    if changes:
        read_command_output("git", "-C", str(folder), "apply", "--whitespace=nowarn", data=changes)
    for name in git(Path(), "ls-files", "-z", "--others", "--exclude-standard").split("\0"):
        if Path(name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(name, folder / name)


def _share_cache(folder: Path) -> None:
    """Make the clone use the project's DVC cache and remotes."""
    local = Path(".dvc", "config.local")
    if local.is_file():
        shutil.copyfile(local, folder / local)
    cache = run_command(dvc_command("cache", "dir"))[-1]
    (folder / ".dvc" / "tmp").mkdir(exist_ok=True)
    for lock in (folder / ".dvc" / "tmp").glob("*lock"):
        lock.unlink()  # left by a killed run
    run_command(dvc_command("cache", "dir", "--local", str(Path(cache).resolve())), folder=folder)


def _copy_multitracks(folder: Path) -> None:
    """Give the clone the user's own multitracks, which git ignores; as hard links if the file system allows."""
    data = YAML(typ="safe").load(PARAMS)["acquire"]["folder"]
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
