"""A process ends with its starter: real processes, killed with kill -9."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.support.tiny_models import environment

NAP = "import time; print('up', flush=True); time.sleep(120)"


def _children(process: subprocess.Popen[str], script: str, count: int) -> list[psutil.Process]:
    """Wait until `count` processes below `process` run `script`, and return all below it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        below = psutil.Process(process.pid).children(recursive=True)
        lines = [_read_line(child) for child in below]
        if sum(script in line and "process_lifetime" not in line for line in lines) >= count:
            time.sleep(0.5)  # until the process has bound itself
            return psutil.Process(process.pid).children(recursive=True)
        time.sleep(0.05)
    raise AssertionError("the processes did not start")


def _read_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def _survivors(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    _, survivors = psutil.wait_procs(processes, timeout=seconds)
    return [process for process in survivors if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def _end_processes(processes: list[psutil.Process]) -> None:
    for process in processes:
        if process.is_running():
            process.kill()


def _start(code: str, *arguments: str, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *arguments], env=environment(**more), text=True)


@pytest.mark.slow
def test_unbound_child_survives_its_starter() -> None:
    """The result that the tests below would have without the binding."""
    parent = _start("import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])", NAP)
    children = _children(parent, "time.sleep", 1)
    parent.kill()
    parent.wait()
    try:
        assert _survivors(children, 1.5)
    finally:
        _end_processes(children)


@pytest.mark.slow
def test_bound_command_ends_with_its_starter() -> None:
    code = (
        "import subprocess, sys; from components.core.base.process_lifetime import bind_to_this_process as bind; "
        "subprocess.run(bind([sys.executable, '-c', sys.argv[1]]))"
    )
    parent = _start(code, NAP)
    children = _children(parent, "time.sleep", 1)
    parent.kill()
    parent.wait()
    try:
        assert not _survivors(children, 10)
    finally:
        _end_processes(children)


def test_bound_command_passes_output_and_exit_code_on() -> None:
    code = (
        "import subprocess, sys; from components.core.base.process_lifetime import bind_to_this_process as bind; "
        "sys.exit(subprocess.run(bind([sys.executable, '-c', 'print(42); raise SystemExit(7)'])).returncode)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (7, "42\n")


@pytest.mark.slow
def test_bound_command_never_starts_after_its_starter_ended(tmp_path: Path) -> None:
    """The race: the starter ends before its command binds itself."""
    witness = tmp_path / "started"
    code = (
        "import os, subprocess, sys; from components.core.base.process_lifetime import bind_to_this_process as bind; "
        "command = bind(['touch', sys.argv[1]]); "
        # the command waits until its starter, this process, has ended
        "subprocess.Popen(['sh', '-c', 'while kill -0 $0 2>/dev/null; do sleep 0.05; done; exec \"$@\"', "
        "str(os.getpid()), *command])"
    )
    subprocess.run([sys.executable, "-c", code, str(witness)], env=environment(), check=True)
    time.sleep(2)
    assert not witness.exists()


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["DVC_ROOT", "STEMLINE_FLOW"])
def test_step_ends_with_its_orchestrator(variable: str) -> None:
    step = (
        "import time\nfrom components.core.base.step_command import run_step\n"
        "run_step(lambda: time.sleep(120))  "
        f"# {variable}"
    )
    parent = _start(
        "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])", step, **{variable: "1"}
    )
    children = _children(parent, f"# {variable}", 1)
    time.sleep(1.0)
    parent.kill()
    parent.wait()
    try:
        assert not _survivors(children, 10)
    finally:
        _end_processes(children)


@pytest.mark.slow
def test_stage_ends_after_kill_9_of_dvc(tmp_path: Path) -> None:
    """The whole chain: a bound `dvc repro`, its shell, the step; the test kills the starter."""
    (tmp_path / "step.py").write_text(
        "import time\nfrom pathlib import Path\nfrom components.core.base.step_command import run_step\n"
        "Path('started').touch()\nrun_step(lambda: time.sleep(120))\n"
    )
    (tmp_path / "dvc.yaml").write_text("stages:\n  nap:\n    cmd: exec python step.py\n    deps: [step.py]\n")
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "--no-scm", "-q"], cwd=tmp_path, env=environment(), check=True)
    code = (
        "import subprocess, sys; from components.core.base.process_lifetime import bind_to_this_process as bind; "
        "subprocess.run(bind(sys.argv[1:]))"
    )
    path = f"{Path(sys.executable).parent}:{environment()['PATH']}"
    parent = subprocess.Popen(
        [sys.executable, "-c", code, *dvc, "repro", "-q"], cwd=tmp_path, env=environment(PATH=path), text=True
    )
    children = _children(parent, "step.py", 1)
    deadline = time.monotonic() + 30
    while not (tmp_path / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    children = psutil.Process(parent.pid).children(recursive=True)
    parent.kill()
    parent.wait()
    try:
        assert not _survivors(children, 10)
    finally:
        _end_processes(children)
