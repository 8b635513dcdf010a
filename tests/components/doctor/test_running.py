"""Checks are independent, secrets are hidden, and the output says how it ended."""

import json
import os
import signal
import time

import pytest

from components.core.base.secrets import without_secrets
from components.doctor.check_runs import Check, run_checks
from components.doctor.finding import Findings, Status, not_used, ok, problem, warning
from components.doctor.report import document, exit_code, last_line, lines_of
from tests.support.tiny_models import run_python


def _fine() -> Findings:
    return [ok("fine", "3 of 3")]


def _hangs() -> Findings:
    time.sleep(60)
    return []


def _raises() -> Findings:
    yield ok("lost", "what was seen before")
    raise ValueError("two\nlines")


def _is_killed() -> Findings:
    os.kill(os.getpid(), signal.SIGKILL)
    return []


def _leaves() -> Findings:
    os._exit(3)


def test_a_check_that_hangs_crashes_or_fails_stops_no_other() -> None:
    work = [_hangs, _raises, _is_killed, _leaves, _fine]
    checks = [Check("topic", f"part {number}", one, seconds=1.0) for number, one in enumerate(work)]
    began = time.monotonic()
    found = list(run_checks(checks))
    assert time.monotonic() - began < 10
    assert [check.name for check, _ in found] == [check.name for check in checks]
    assert [finding.status for _, finding in found] == [Status.PROBLEM] * 4 + [Status.OK]
    seen = [finding.seen for _, finding in found]
    assert seen[0] == "the check did not end within 1 s"
    assert seen[1] == "the check failed: ValueError: two lines"
    assert seen[2] == "the check crashed (SIGKILL)"
    assert seen[3] == "the check crashed (exit code 3)"


def test_more_checks_than_run_at_once_all_run() -> None:
    checks = [Check("topic", str(number), _fine) for number in range(20)]
    assert [check.name for check, _ in run_checks(checks)] == [str(number) for number in range(20)]


def test_lines_are_aligned_and_the_last_counts() -> None:
    findings = [ok("a", "1"), warning("b", "2", "do b"), problem("c", "3", "do c"), not_used("d", "4")]
    lines = [line for finding in findings for line in lines_of(Check("disk", "x", _fine), finding)]
    assert [line[0] for line in lines] == ["+", "!", " ", "X", " ", "-"]
    assert len({line.index(text) for line, text in zip(lines, ("1", "2", "do b", "3", "do c", "4"), strict=True)}) == 2
    assert all(line.isascii() for line in lines)
    assert last_line(findings) == "1 ok (+), 1 warning (!), 1 problem (X), 1 not used (-)"
    assert last_line([]) == "0 ok (+), 0 warnings (!), 0 problems (X), 0 not used (-)"


def test_only_a_problem_is_a_failure() -> None:
    assert exit_code([ok("a", ""), warning("b", "", ""), not_used("c", "")]) == 0
    assert exit_code([ok("a", ""), problem("b", "", "")]) == 1


def test_json_holds_all_of_it() -> None:
    check = Check("disk", "x", _fine)
    whole = json.loads(document([(check, problem("c", "3", "do c"))]))
    row = {"topic": "disk", "what": "c", "status": "problem", "seen": "3", "do": "do c"}
    assert whole == {"findings": [row], "counts": {"ok": 0, "warning": 0, "problem": 1, "not used": 0}}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://mlflow:pa:ss@db:5432/mlflow fails", "postgresql://***@db:5432/mlflow fails"),
        ("http://someone@host/a and http://u:p/w@host/b", "http://***@host/a and http://***@host/b"),
        ("s3://label/a@b/c", "s3://label/a@b/c"),
        ("key AKIA77 with deep-secret!", "key *** with ***!"),
        ("an x-ray", "an x-ray"),
    ],
)
def test_secrets_are_not_shown(text: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA77")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "deep-secret")
    monkeypatch.setenv("PREFECT_API_KEY", "x")  # too short to be one
    assert without_secrets(text) == shown


def _tells() -> Findings:
    return [problem("postgresql://u:p@h", f"refused {os.environ['MLFLOW_TRACKING_PASSWORD']}", "s3 hush-hush")]


def test_what_a_check_tells_passes_no_secret_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hush-hush")
    ((_, finding),) = run_checks([Check("topic", "x", _tells)])
    assert (finding.what, finding.seen, finding.do) == ("postgresql://***@h", "refused ***", "s3 ***")


@pytest.mark.slow
def test_the_whole_doctor_as_a_program(tmp_path: object) -> None:
    more = {
        "PREFECT_API_URL": "http://127.0.0.1:9/api",
        "MLFLOW_TRACKING_URI": "http://me:hush-hush@127.0.0.1:9",
        "STEMLINE_WORKSPACE": str(tmp_path),
    }
    result = run_python("-m", "components.doctor", "--json", "--store", str(tmp_path), more=more)
    assert result.returncode == 1, result.stderr
    assert "hush" not in result.stdout + result.stderr
    whole = json.loads(result.stdout)
    found = {(row["topic"], row["what"]): row for row in whole["findings"]}
    assert found["servers", "Prefect"]["status"] == found["servers", "MLflow"]["status"] == "problem"
    assert found["devices", "torch"]["status"] == found["project", "params.yaml"]["status"] == "ok"
    assert ("devices", "gloo") in found or ("devices", "NCCL") in found
    topics = list(dict.fromkeys(row["topic"] for row in whole["findings"]))
    assert topics == ["packages", "programs", "devices", "memory", "servers", "stores", "disk", "clock", "project"]
    assert whole["counts"]["problem"] == sum(row["status"] == "problem" for row in whole["findings"])
