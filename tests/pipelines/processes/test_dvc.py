"""The output of the real DVC: the pipeline reads these lines, so a new version must still print them."""

import subprocess
from pathlib import Path

import pytest

from pipelines.processes.command import CommandError, OutageError, run_command
from pipelines.processes.dvc import did_run_stage, dvc_command, is_advice, was_unchanged

pytestmark = pytest.mark.slow

STAGES = """\
stages:
  copy: {cmd: cp source copied, deps: [source], outs: [copied]}
  outage: {cmd: "echo 'stemline: no answer' && exit 75"}
  mistake: {cmd: exit 2}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dvc")
    (folder / "dvc.yaml").write_text(STAGES)
    (folder / "source").write_text("a")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    run_command(dvc_command("init", "--quiet"), folder=folder)
    return folder


def _repro(project: Path, stage: str) -> list[str]:
    return run_command(dvc_command("repro", "--single-item", stage), folder=project)


def test_stage_runs_once_and_then_comes_from_the_cache(project: Path) -> None:
    ran = _repro(project, "copy")
    assert (did_run_stage(ran), was_unchanged(ran)) == (True, False)
    assert [line for line in ran if is_advice(line)], "DVC's advice is recognised"
    unchanged = _repro(project, "copy")
    assert (did_run_stage(unchanged), was_unchanged(unchanged)) == (False, True)
    (project / "copied").unlink()
    fetched = _repro(project, "copy")
    assert (did_run_stage(fetched), was_unchanged(fetched)) == (False, False)


def test_outage_of_a_stage_is_recognised_by_its_exit_code(project: Path) -> None:
    with pytest.raises(OutageError, match=r"^no answer$"):
        _repro(project, "outage")
    with pytest.raises(CommandError, match="failed to run: exit 2, exited with 2") as mistake:
        _repro(project, "mistake")
    assert not isinstance(mistake.value, OutageError)
