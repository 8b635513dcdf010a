"""The output and the exit code of a step that fails."""

from tests.support.tiny_models import run_python


def _run(work: str) -> tuple[int, str]:
    code = (
        "import os\nfrom components.core.base.step_command import run_step\n"
        "from components.core.base.errors import Outage, UserError\n"
        f"def work():\n    {work}\nrun_step(work)\n"
    )
    result = run_python("-c", code)
    return result.returncode, result.stderr


def test_user_error_prints_one_line() -> None:
    assert _run("raise UserError('the disk is full of jazz')") == (2, "stemline: the disk is full of jazz\n")


def test_missing_file_prints_one_line() -> None:
    assert _run("open('/nowhere/at/all')") == (2, "stemline: /nowhere/at/all: No such file or directory\n")


def test_interruption_prints_one_line() -> None:
    code, text = _run("raise KeyboardInterrupt")
    assert code == 130
    assert len(text.splitlines()) == 1


def test_outage_prints_one_line_and_ends_with_75() -> None:
    again = "run the same command again when it is back"
    assert _run("raise Outage('no answer')") == (75, f"stemline: no answer; {again}\n")
    assert _run("import requests; raise requests.ConnectionError('refused')") == (75, f"stemline: refused; {again}\n")


def test_unexpected_error_keeps_its_traceback() -> None:
    code, text = _run("1 / 0")
    assert code == 1
    assert "ZeroDivisionError" in text


def test_success_prints_nothing() -> None:
    assert _run("pass") == (0, "")
