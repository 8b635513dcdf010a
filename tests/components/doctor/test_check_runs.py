"""Checks do not affect each other, and their findings contain no secret."""

import os
import signal
import time

import pytest

from components.doctor.check_runs import Check, run_checks
from components.doctor.finding import Findings, Status, ok, problem


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


def test_run_checks_goes_on_after_a_check_that_hangs_crashes_or_fails() -> None:
    work = [_hangs, _raises, _is_killed, _leaves, _fine]
    checks = [Check("topic", f"part {number}", one, seconds=1.0) for number, one in enumerate(work)]
    found = list(run_checks(checks))
    assert [check for check, _ in found] == checks
    findings = [finding for _, [finding] in found]
    assert [finding.status for finding in findings] == [Status.PROBLEM] * 4 + [Status.OK]
    assert [finding.observation for finding in findings[:4]] == [
        "the check did not end within 1 s",
        "the check failed: ValueError: two lines",
        "the check crashed (SIGKILL)",
        "the check crashed (exit code 3)",
    ]


def test_run_checks_runs_more_checks_than_at_once() -> None:
    checks = [Check("topic", str(number), _fine) for number in range(20)]
    assert [check.name for check, _ in run_checks(checks)] == [str(number) for number in range(20)]


def _reveals_secrets() -> Findings:
    return [problem("postgresql://u:p@h", f"refused {os.environ['MLFLOW_TRACKING_PASSWORD']}", "s3 hush-hush")]


def test_check_passes_no_secret_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hush-hush")
    [(_, [finding])] = run_checks([Check("topic", "x", _reveals_secrets)])
    assert (finding.subject, finding.observation, finding.remedy) == ("postgresql://***@h", "refused ***", "s3 ***")
