"""Commands of a flow: their lines, their errors, their exit codes."""

import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import requests

from components.core.base.errors import Outage, UserError
from components.core.base.step_command import AGAIN
from pipelines.processes.command import CommandError, OutageError, run_command, run_to_exit_code
from pipelines.processes.dvc import dvc_command

ROOT = Path(__file__).parents[3]


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_lines_of_a_command_are_logged() -> None:
    heard: list[str] = []
    code = "import sys; print('one'); print(); print('two', file=sys.stderr, flush=True); print('three  ')"
    lines = run_command(python(code), heard.append)
    assert lines == heard == ["one", "two", "three"]


def test_lines_and_reasons_have_no_secrets() -> None:
    heard: list[str] = []
    with pytest.raises(CommandError) as caught:
        run_command(python("print('no s3://me:k3ep-it@store'); raise SystemExit(1)"), heard.append)
    assert heard == [str(caught.value)] == ["no s3://***@store"]


def test_command_uses_this_python_and_is_marked_as_part_of_a_flow() -> None:
    code = "import os, shutil; print(shutil.which('python')); print(os.environ['STEMLINE_FLOW'])"
    found, flow = run_command(python(code))
    assert Path(found).parent == Path(sys.executable).parent
    assert flow


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("print('stemline: no such song'); print('ERROR: failed to reproduce'); raise SystemExit(2)", "no such song"),
        ("print('almost'); print('too bad'); raise SystemExit(1)", "too bad"),
    ],
)
def test_failed_command_raises_its_error_line(code: str, message: str) -> None:
    with pytest.raises(CommandError) as raised:
        run_command(python(code))
    assert str(raised.value) == message


def test_command_that_fails_without_output_is_named() -> None:
    with pytest.raises(CommandError, match="failed and printed nothing"):
        run_command(python("raise SystemExit(1)"))


def raising(error: BaseException) -> Callable[[], object]:
    def command() -> object:
        raise error

    return command


def test_outage_is_recognised_by_its_exit_code() -> None:
    with pytest.raises(OutageError, match="no answer"):
        run_command(python("print('stemline: no answer'); raise SystemExit(75)"))
    with pytest.raises(CommandError) as raised:
        run_command(python("print('stemline: no such song'); raise SystemExit(2)"))
    assert not isinstance(raised.value, OutageError)


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("push", "--run-cache"), ("repro", "--pull", "copy"), ("repro", "read")])
def test_outage_of_the_dvc_remote_keeps_its_reason(tmp_path: Path, arguments: tuple[str]) -> None:
    def quietly(*command: str) -> None:
        run_command(list(command), folder=tmp_path)

    (tmp_path / "dvc.yaml").write_text(
        "stages: {copy: {cmd: cp a b, deps: [a], outs: [b]}, read: {cmd: touch c, deps: ['s3://music/a'], outs: [c]}}"
    )
    (tmp_path / "a").write_text("a")
    quietly("git", "init", "--quiet")
    quietly(*dvc_command("init", "--quiet"))
    quietly(*dvc_command("remote", "add", "--quiet", "--default", "store", "s3://music/dvc"))
    quietly(*dvc_command("repro", "--quiet", "copy"))  # something to push
    (tmp_path / "a").write_text("b")  # and something to pull
    nowhere = "http://127.0.0.1:9"
    quietly(*dvc_command("remote", "modify", "store", "endpointurl", nowhere))
    away = {"AWS_ENDPOINT_URL": nowhere, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    with pytest.raises(OutageError, match=f'Could not connect to the endpoint URL: "{nowhere}/music.*; {AGAIN}$'):
        run_command(dvc_command(*arguments), folder=tmp_path, environment=away)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (httpx.ConnectError("all attempts failed"), 75, f"stemline: all attempts failed; {AGAIN}"),
        (requests.ConnectionError("refused"), 75, f"stemline: refused; {AGAIN}"),
        (Outage("MLflow is away"), 75, f"stemline: MLflow is away; {AGAIN}"),
        (OSError(28, "No space left on device", "model.pt"), 2, "stemline: model.pt: No space left on device"),
    ],
)
def test_outage_and_full_disk_print_one_line(
    error: Exception, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_to_exit_code(raising(error)) == code
    assert capsys.readouterr().err == f"{line}\n"


def test_unexpected_error_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run_to_exit_code(raising(ZeroDivisionError()))


def test_run_to_exit_code_returns_a_code_and_prints_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_to_exit_code(lambda: None) == 0
    assert run_to_exit_code(raising(UserError("no such file"))) == 2
    assert run_to_exit_code(raising(CommandError("train: it failed"))) == 2
    assert run_to_exit_code(raising(OutageError("train: no answer"))) == 75
    assert run_to_exit_code(raising(KeyboardInterrupt())) == 130
    said = capsys.readouterr().err.splitlines()
    assert said[:2] == ["stemline: no such file", "stemline: train: it failed"]
    assert "interrupted" in said[3]
