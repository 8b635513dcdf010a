"""The command line, and the stages behind it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from components.core.models.model_folder import save_model
from components.core.networks.architectures.unet import UNetConfig
from components.core.networks.unet import build_unet
from components.core.sound.stft_config import StftConfig
from components.core.tracking import mlflow_runs
from components.core.tracking.mlflow_runs import RunRef
from pipelines.running.project_stages import ProjectFolder
from pipelines.terminal.module_launch import exec_module

ROOT = Path(__file__).parents[3]


def cli(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "120", "TERM": "dumb"}
    command = [sys.executable, "-m", "pipelines.terminal.cli", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("verb", "taught"),
    [
        ("", ["run", "separate", "status", "serve", "stemline run"]),
        ("run", ["--dataset", "--set", "train.steps=100", "musdb18-7s"]),
        ("separate", ["SOURCE", "DESTINATION", "--model", "s3://bucket/folder"]),
        ("status", ["fresh and stale stages"]),
        ("serve", ["PREFECT_API_URL"]),
    ],
)
def test_help_explains_the_verb(tmp_path: Path, verb: str, taught: list[str]) -> None:
    result = cli(tmp_path, *[verb][: bool(verb)], "--help")
    assert result.returncode == 0
    for word in taught:
        assert word.casefold() in result.stdout.casefold()


def test_run_outside_a_project_prints_one_line(tmp_path: Path) -> None:
    result = cli(tmp_path, "run")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "stemline: params.yaml does not exist: run from the root of the project, where it lies\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "mistake"),
    [
        (["trian"], "no such command 'trian'. Did you mean 'retrain'? (see `stemline --help`)"),
        (["run", "--seed", "1"], "no such option: --seed (Possible options: --set) (see `stemline run --help`)"),
        (["rollback"], "missing option '--why' (see `stemline rollback --help`)"),
    ],
)
def test_mistake_in_the_command_line_prints_one_line_and_ends_with_2(
    tmp_path: Path, arguments: list[str], mistake: str
) -> None:
    result = cli(tmp_path, *arguments)
    assert (result.returncode, result.stdout, result.stderr) == (2, "", f"stemline: {mistake}\n")


def test_version_names_package_and_commit(tmp_path: Path) -> None:
    result = cli(tmp_path, "--version")
    assert result.returncode == 0
    assert re.fullmatch(r"stemline \d+\.\d+\.\d+( \(commit [0-9a-f]{12}\))?\n", result.stdout)


def test_wrong_parameter_of_a_retraining_prints_one_line_before_the_start(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("train:\n  steps: 5\n")
    result = cli(tmp_path, "retrain", "--set", "train.step=6")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "stemline: 'train.step=6' sets no parameter of params.yaml: did you mean steps?\n"
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]


@pytest.mark.parametrize("verb", [["run"], ["retrain"], ["compare"], ["serve"], ["deploy", "pool"]])
def test_a_mistake_in_params_yaml_is_one_line_before_anything_starts(tmp_path: Path, verb: list[str]) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8").replace("  margin_db:", "  margin:")
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    commit_all(tmp_path)
    result = cli(tmp_path, *verb)
    assert (result.returncode, result.stdout) == (2, "")
    line = text.splitlines().index("  margin: 0.1") + 1
    assert f":{line}: gate.margin: no such parameter (did you mean 'margin_db'?)\n" in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [".git", "params.yaml"]


def test_a_wrong_value_is_not_written_to_params_yaml(tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    result = cli(tmp_path, "run", "--set", "train.steps=many")
    assert result.returncode == 2
    assert result.stderr.startswith("stemline: --set: train.steps: expected a whole number")
    assert (tmp_path / "params.yaml").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("verb", "mistake"),
    [
        ("run", "{folder} is not in a git repository, which DVC needs: "),
        ("retrain", "git has no commit HEAD here: commit the project first"),
        ("compare", "git has no commit HEAD here: commit the project first"),
    ],
)
def test_a_project_outside_git_is_one_line_before_anything_starts(tmp_path: Path, verb: str, mistake: str) -> None:
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    result = cli(tmp_path, verb)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"stemline: {mistake.format(folder=tmp_path)}")
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]


def commit_all(folder: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    subprocess.run(["git", "add", "."], cwd=folder, check=True)
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *author, "commit", "--quiet", "--message", "a"], cwd=folder, check=True)


def test_only_given_options_become_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda program, command: started.append(command))
    exec_module("m", "--", "place", to=None, why="hollow", ungated=True, json=False, store=["a", "b"], n=0)
    given = ["--why", "hollow", "--ungated", "--store", "a", "--store", "b", "--n", "0"]
    assert started == [[sys.executable, "-m", "m", *given, "--", "place"]]


@pytest.mark.slow
def test_separation_of_a_missing_file_prints_one_line(tmp_path: Path) -> None:
    network = UNetConfig(widths=(4, 8), stft=StftConfig(window=512, hop=128), bins=128, frames=32)
    targets = ("vocals", "accompaniment")
    save_model(tmp_path / "model", build_unet(network, len(targets), 2), network, targets, 44100, 2, {})
    result = cli(tmp_path, "separate", "nowhere.wav", "stems", "--model", "model")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("stemline: ")
    assert result.stderr.count("\n") == 1
    assert "nowhere.wav" in result.stderr


@pytest.mark.parametrize("there", [True, False])
def test_training_without_its_mlflow_run_is_reproduced_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    done: list[str] = []
    RunRef(run_id="0123", experiment="x").write(tmp_path / "train")
    monkeypatch.setattr(mlflow_runs, "has_run", lambda ref: there and ref.run_id == "0123")

    def reproduce(self: ProjectFolder, stage: str, options: tuple[str, ...] = ()) -> list[str]:
        done.append(" ".join([*options, stage]))
        return ["a line"]

    monkeypatch.setattr(ProjectFolder, "reproduce", reproduce)
    lines = ProjectFolder(tmp_path, tmp_path).reproduce_all(("--pull",))
    again = [] if there else ["--force train"]
    assert done == ["--pull acquire", "--pull cache", "--pull start", "--pull train", *again, "--pull evaluate"]
    assert lines == ["a line"] * len(done)
