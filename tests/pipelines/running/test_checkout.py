"""Clones of a small project with real git and DVC: at a commit, with uncommitted changes, and after a kill."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from components.core.base.errors import UserError
from pipelines.processes.command import CommandError
from pipelines.running.checkout import CHECKOUTS, Checkout, open_checkout

pytestmark = pytest.mark.slow

PARAMETERS = '# steps and folders\nacquire:\n  folder: data\ntrain:\n  steps: 5\n  network:\n    name: "unet"\n'
STAGES = "stages:\n  train:\n    cmd: echo trained\n    params: [train]\n"
IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in {"NAME": "Test", "EMAIL": "test@example.org"}.items()
}


def _run(*command: str, folder: Path | None = None) -> str:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def _git(*arguments: str, folder: Path | None = None) -> str:
    return _run("git", *arguments, folder=folder)


def _dvc(*arguments: str, folder: Path | None = None) -> str:
    return _run(sys.executable, "-m", "dvc", *arguments, folder=folder)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    for name, text in {
        "params.yaml": PARAMETERS,
        "dvc.yaml": STAGES,
        ".gitignore": "/workspace/\n/data/\n*.secret\n",
        "code.py": "print(1)\n",
        "gone.py": "print(2)\n",
        "notes.txt": "one\n",
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "windows.txt").write_bytes(b"caf\xe9\r\ntwo\r\nthree\r\n")
    _git("init", "--quiet", folder=folder)
    _dvc("init", "--quiet", folder=folder)
    _git("add", "--all", folder=folder)
    subprocess.run(["git", "commit", "-qm", "First"], cwd=folder, env=os.environ | IDENTITY, check=True)
    return folder


@pytest.fixture
def project(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project; it is the current folder."""
    folder = tmp_path / "project"
    shutil.copytree(template, folder)
    for name, value in {**IDENTITY, "DVC_NO_ANALYTICS": "true", "GIT_CONFIG_GLOBAL": os.devnull}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    return folder


def _commit(message: str, **files: str) -> str:
    for name, text in files.items():
        Path(name.replace("_", ".")).write_text(text, encoding="utf-8")
    _git("commit", "-qam", message)
    return _git("rev-parse", "HEAD").strip()


def _read_user_folder() -> tuple[bytes, ...]:
    """Return the state of the user's folder: files, index and refs."""
    git_commands = ("status --porcelain=v2", "ls-files --stage", "stash list", "branch --all", "diff")
    return tuple(subprocess.check_output(["git", *words.split()]) for words in git_commands)


def _change_everything() -> None:
    """Change, stage, delete, add and ignore files, some with line ends and encodings that a patch could change."""
    Path("code.py").write_text("print('staged')\n", encoding="utf-8")
    _git("add", "code.py")
    Path("code.py").write_text("print('staged, and changed after')\n", encoding="utf-8")
    Path("windows.txt").write_bytes(b"caf\xe9\r\nzw\xf6lf\r\nthree\r\n")
    Path("gone.py").unlink()
    Path("new").mkdir()
    Path("new/staged.bin").write_bytes(bytes(range(256)))
    _git("add", "new/staged.bin")
    Path("new/Été.py").write_text("print(3)\n", encoding="utf-8")
    Path("my.secret").write_text("ignored", encoding="utf-8")


def test_clone_is_at_its_commit_and_has_the_music_of_the_user(project: Path) -> None:
    first = _git("rev-parse", "HEAD").strip()
    _commit("Second", code_py="print('second')\n")
    Path("data/train").mkdir(parents=True)
    Path("data/train/song.wav").write_bytes(b"sound")
    _change_everything()
    before = _read_user_folder()
    with open_checkout(first) as checkout:
        folder = checkout.folder
        assert _git("rev-parse", "HEAD", folder=folder).strip() == first
        assert (folder / "code.py").read_text(encoding="utf-8") == "print(1)\n"
        assert (folder / "data/train/song.wav").read_bytes() == b"sound"
        assert not (folder / "new").exists()
        assert _git("status", "--porcelain", folder=folder) == ""
        assert _dvc("cache", "dir", folder=folder).strip() == str(project / ".dvc" / "cache")
        assert checkout.workspace == folder / "workspace"
        assert checkout.environment["STEMLINE_SHARED"] == str(project / "workspace")
    assert _read_user_folder() == before
    checkout.delete()
    assert not folder.exists()


def test_clone_gets_uncommitted_changes_except_ignored_files(project: Path) -> None:
    _git("config", "diff.noprefix", "true")  # a user's own git setting
    _change_everything()
    before = _read_user_folder()
    with open_checkout(with_changes=True) as checkout:
        folder = checkout.folder
        for name in ("code.py", "windows.txt", "new/staged.bin", "new/Été.py", "notes.txt"):
            assert (folder / name).read_bytes() == Path(name).read_bytes(), name
        assert not (folder / "gone.py").exists()
        assert not (folder / "my.secret").exists()
    assert _read_user_folder() == before
    with open_checkout() as checkout:  # the clone is the same, without the changes
        assert checkout.folder == folder
        assert _git("status", "--porcelain", folder=folder) == ""


def test_concurrent_runs_get_different_folders(project: Path) -> None:
    with open_checkout() as one:
        with open_checkout() as two:
            assert one.folder != two.folder
            assert all((checkout.folder / "params.yaml").is_file() for checkout in (one, two))
        with open_checkout() as three:
            assert three.folder == two.folder


HOLDS_A_CLONE = """
import time
from pipelines.processes.command import CommandError
from pipelines.running.checkout import open_checkout
with open_checkout() as checkout:
    (checkout.folder / "half.py").write_text("made, and not finished")
    print(checkout.folder, flush=True)
    time.sleep(600)
"""


def test_clone_of_a_killed_run_is_used_again_despite_its_locks(project: Path) -> None:
    killed = subprocess.Popen([sys.executable, "-c", HOLDS_A_CLONE], stdout=subprocess.PIPE, text=True)
    try:
        assert killed.stdout is not None
        folder = Path(killed.stdout.readline().strip())
        assert folder == (CHECKOUTS / "0").resolve()
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    of_git, of_dvc = (".git/index.lock", ".git/HEAD.lock", ".git/refs/heads/main.lock"), ".dvc/tmp/rwlock"
    for name in (*of_git, of_dvc):
        (folder / name).write_text("what a killed program left", encoding="utf-8")
    with open_checkout() as checkout:
        assert checkout.folder == folder
        assert not [name for name in of_git if (folder / name).exists()]
        assert _git("status", "--porcelain", folder=folder) == ""
        assert "trained" in _dvc("repro", folder=folder)


def _parameters(checkout: Checkout) -> object:
    return YAML(typ="safe").load(checkout.folder / "params.yaml")


def test_broken_clone_is_replaced_and_a_git_error_is_a_user_error(project: Path) -> None:
    with open_checkout() as checkout:
        objects = checkout.folder / ".git" / "objects"
    shutil.rmtree(objects)
    with open_checkout() as checkout:
        assert (checkout.folder / "code.py").is_file()
    shutil.move(project / ".git" / "objects", project / "elsewhere")  # without a commit there is nothing to clone
    (project / ".git" / "objects").mkdir()
    shutil.rmtree(objects)
    with pytest.raises((CommandError, UserError)) as raised, open_checkout():
        pass
    assert "\n" not in str(raised.value)


def test_set_parameters_starts_from_the_values_of_the_commit(project: Path) -> None:
    with open_checkout() as checkout:
        checkout.set_parameters({"train.steps": 9, "train.network.widths": [4, 8], "gate.limit": 2.5})
        assert _parameters(checkout) == {
            "acquire": {"folder": "data"},
            "train": {"steps": 9, "network": {"name": "unet", "widths": [4, 8]}},
            "gate": {"limit": 2.5},
        }
        checkout.set_parameters({"train.network.name": "demucs"})
        assert _parameters(checkout) == {
            "acquire": {"folder": "data"}, "train": {"steps": 5, "network": {"name": "demucs"}}
        }  # fmt: skip
        checkout.set_parameters({})
        assert _git("status", "--porcelain", folder=checkout.folder) == ""
    assert Path("params.yaml").read_text(encoding="utf-8") == PARAMETERS


def _experiments() -> list[str]:
    return _git("for-each-ref", "--format=%(refname)", "refs/exps").split()


def test_save_experiment_brings_one_ref_to_the_project(project: Path) -> None:
    first = _git("rev-parse", "HEAD").strip()
    before = _read_user_folder()
    with open_checkout() as checkout:
        checkout.set_parameters({"train.steps": 7})
        for other in ("exec/EXEC_HEAD", f"{first[:2]}/{first[2:]}/long-gone"):
            _git("update-ref", f"refs/exps/{other}", "HEAD", folder=checkout.folder)
        for steps in (8, 9):
            checkout.set_parameters({"train.steps": steps})
            checkout.save_experiment("compare-unet")
    ref = f"refs/exps/{first[:2]}/{first[2:]}/compare-unet"
    assert _experiments() == [ref]
    assert "steps: 9" in _git("show", f"{ref}:params.yaml")
    shown = _dvc("exp", "show", "--csv")
    assert "compare-unet" in shown
    assert _read_user_folder() == before
    second = _commit("Second", code_py="print('second')\n")
    with open_checkout() as checkout:
        checkout.set_parameters({"train.steps": 10})
        checkout.save_experiment("compare-unet")
    assert sorted(_experiments()) == sorted([ref, f"refs/exps/{second[:2]}/{second[2:]}/compare-unet"])


def test_folder_without_params_or_commit_is_a_user_error(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="git has no commit nowhere here"), open_checkout("nowhere"):
        pass
    monkeypatch.chdir(tmp_path)
    with (
        pytest.raises(UserError, match=r"params\.yaml does not exist: run from the root of the project"),
        open_checkout(),
    ):
        pass
