"""The stages that `stemline status` calls fresh or stale, with the real DVC."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from pipelines.processes.command import CommandError, run_command
from pipelines.processes.dvc import dvc_command
from pipelines.terminal.status import read_stage_status, stage_lines
from tests.support.processes import wait_until


def test_stage_is_fresh_or_stale_or_follows_a_stale_one() -> None:
    assert list(
        stage_lines({"train": ["params.yaml: train.steps changed", "b changed", "c is missing", "d", "e"]})
    ) == [
        "acquire: fresh",
        "cache: fresh",
        "start: fresh",
        "train: stale (params.yaml: train.steps changed, b changed, c is missing and 2 more)",
        "evaluate: follows train",
    ]


@pytest.mark.slow
def test_reasons_name_parameters_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text("stages:\n  acquire: {cmd: cp a b, deps: [a], params: [acquire], outs: [b]}\n")
    Path("params.yaml").write_text("acquire:\n  songs: {demo: 1, own: 2}\n")
    Path("a").write_text("a")
    subprocess.run(["git", "init", "--quiet"], check=True)
    run_command(dvc_command("init", "--quiet"))
    assert read_stage_status() == {"acquire": ["it has not run yet"]}
    run_command(dvc_command("repro", "--quiet"))
    assert read_stage_status() == {}
    Path("params.yaml").write_text("acquire:\n  songs: {demo: 1, own: 3}\n")
    Path("b").unlink()
    assert read_stage_status() == {"acquire": ["params.yaml: acquire.songs.own changed", "b is missing"]}


@pytest.mark.slow
def test_failure_of_dvc_is_a_command_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match=r"^`dvc status` failed: you are not inside of a DVC repository"):
        read_stage_status()


@pytest.mark.slow
def test_running_stage_is_named_as_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text("stages:\n  acquire: {cmd: touch began b && sleep 60, outs: [b]}\n")
    subprocess.run(["git", "init", "--quiet"], check=True)
    run_command(dvc_command("init", "--quiet"))
    with subprocess.Popen(dvc_command("repro"), stdout=subprocess.DEVNULL, start_new_session=True) as running:
        try:
            wait_until(Path("began").exists)
            with pytest.raises(CommandError, match="while another command of DVC runs in this folder"):
                read_stage_status()
        finally:
            os.killpg(running.pid, signal.SIGKILL)
