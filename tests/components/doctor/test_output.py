"""Lines for people, JSON for programs, and the exit code."""

import json

import pytest

from components.core.base.exit_codes import ExitCode
from components.doctor.check_runs import Check
from components.doctor.finding import not_used, ok, problem, warning
from components.doctor.output import exit_code, print_json, print_report
from tests.support.tiny_models import run_python

CHECK = Check("disk", "x", tuple)
FOUND = [
    (CHECK, one) for one in (ok("a", "1"), warning("b", "2", "do b"), problem("c", "3", "do c"), not_used("d", "4"))
]


def test_print_report_prints_one_line_a_finding_the_gravest_first(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(FOUND)
    *lines, counts = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["X", "disk", "c", "3", ">", "do", "c"],
        ["!", "disk", "b", "2", ">", "do", "b"],
        ["-", "disk", "d", "4"],
        ["+", "disk", "a", "1"],
    ]
    assert len({line.index(text) for line, text in zip(lines, "3241", strict=True)}) == 1
    assert all(line.isascii() for line in lines)
    assert counts == "1 problem (X), 1 warning (!), 1 not used (-), 1 ok (+)"
    print_report([])
    assert capsys.readouterr().out == "0 problems (X), 0 warnings (!), 0 not used (-), 0 ok (+)\n"


def test_exit_code_is_an_error_only_with_a_problem() -> None:
    assert exit_code([ok("a", ""), warning("b", "", ""), not_used("c", "")]) == ExitCode.DONE
    assert exit_code([ok("a", ""), problem("b", "", "")]) == ExitCode.USER_ERROR


def test_print_json_holds_all_of_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    print_json([(CHECK, problem("c", "3", "do c"))])
    row = {"topic": "disk", "what": "c", "status": "problem", "seen": "3", "do": "do c"}
    counts = {"ok": 0, "warning": 0, "problem": 1, "not used": 0}
    document = json.loads(capsys.readouterr().out)
    assert document == {"format_version": 1, "findings": [row], "counts": counts}


@pytest.mark.slow
def test_program_checks_everything(tmp_path: object) -> None:
    more = {
        "PREFECT_API_URL": "http://127.0.0.1:9/api",
        "MLFLOW_TRACKING_URI": "http://me:hush-hush@127.0.0.1:9",
        "STEMLINE_WORKSPACE": str(tmp_path),
    }
    result = run_python("-m", "components.doctor", "--json", "--store", str(tmp_path), more=more)
    assert result.returncode == ExitCode.USER_ERROR, result.stderr
    assert "hush" not in result.stdout + result.stderr
    whole = json.loads(result.stdout)
    found = {(row["topic"], row["what"]): row for row in whole["findings"]}
    assert found["servers", "Prefect"]["status"] == found["servers", "MLflow"]["status"] == "problem"
    assert found["devices", "torch"]["status"] == found["project", "params.yaml"]["status"] == "ok"
    assert ("devices", "gloo") in found or ("devices", "NCCL") in found
    topics = list(dict.fromkeys(row["topic"] for row in whole["findings"]))
    assert topics == ["packages", "programs", "devices", "memory", "servers", "stores", "disk", "clock", "project"]
    assert whole["counts"]["problem"] == sum(row["status"] == "problem" for row in whole["findings"])
