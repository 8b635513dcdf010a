"""The rules about running a version: budgets, and a version or champion that does not work."""

from collections.abc import Callable

import pytest

from components.core.base.errors import UserError
from components.core.models.smoke_test import NotTestedError, SmokeResult, run_smoke_test
from components.core.release.verdict import Finding
from components.gate.operational_rules import judge_operation
from tests.components.gate.gate_scores import gate_config, seen


def judge(challenger: SmokeResult, champion: SmokeResult | None = None) -> dict[str, Finding]:
    models = {"challenger": challenger, "champion": champion or seen()}
    champions = "champion" if champion else None
    findings, tried = judge_operation(gate_config(), "challenger", "weights", champions, models.__getitem__)
    assert tried["challenger"] == challenger
    return {finding.name: finding for finding in findings}


def test_working_version_is_accepted() -> None:
    findings = judge(seen(), seen())
    assert list(findings) == ["weights", "sum", "speed", "size", "memory", "slowdown"]
    assert all(finding.good for finding in findings.values())


@pytest.mark.parametrize(
    ("name", "change", "text"),
    [
        ("weights", {"sha256": "others"}, "weights: those in the registry are not the ones that were registered"),
        ("sum", {"largest_error": 0.002}, "sum: stems miss the mixture by 2.0e-03 of its peak; allowed 1.0e-03"),
        ("sum", {"largest_error": float("nan")}, "sum: "),
        ("speed", {"times_real_time": 0.99}, "speed: 0.99 times real time; at least 1"),
        ("size", {"weights_mb": 100.1}, "size: weights of 100.1 MB; at most 100 MB"),
        ("memory", {"memory_mb": 1001.0}, "memory: 1001 MB at its peak; at most 1000 MB"),
    ],
)
def test_version_over_a_budget_is_refused(name: str, change: dict[str, object], text: str) -> None:
    findings = judge(seen(**change))
    assert [found_name for found_name, finding in findings.items() if not finding.good] == [name]
    assert findings[name].text.startswith(text)


def test_version_much_slower_than_the_champion_is_refused() -> None:
    assert judge(seen(times_real_time=10.0), seen(times_real_time=20.0))["slowdown"].good
    slow = judge(seen(times_real_time=9.0), seen(times_real_time=20.0))["slowdown"]
    assert not slow.good
    assert slow.text == "slowdown: 2.22 times the live model's time; at most 2"


def break_model(which: str) -> Callable[[str], SmokeResult]:
    def tried(address: str) -> SmokeResult:
        if address == which:
            raise UserError(f"{address} does not work: checksum")
        return seen()

    return tried


def test_broken_version_is_refused() -> None:
    findings, tried = judge_operation(gate_config(), "challenger", "weights", "champion", break_model("challenger"))
    assert findings == [Finding("smoke", False, "smoke: challenger does not work: checksum")]
    assert tried == {}


def test_broken_champion_cannot_be_compared() -> None:
    findings, _ = judge_operation(gate_config(), "challenger", "weights", "champion", break_model("champion"))
    assert [finding.name for finding in findings if not finding.good] == ["slowdown"]


@pytest.mark.parametrize("which", ["challenger", "champion"])
def test_outage_gives_no_verdict(which: str) -> None:
    def tried(address: str) -> SmokeResult:
        if address == which:
            raise NotTestedError("the store does not answer")
        return seen()

    with pytest.raises(NotTestedError):
        judge_operation(gate_config(), "challenger", "weights", "champion", tried)


@pytest.mark.slow
def test_registry_that_does_not_answer_gives_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(NotTestedError, match="models:/voices/1 could not be tested: "):
        run_smoke_test("models:/voices/1")
    with pytest.raises(UserError, match="does not work in a fresh process") as caught:
        run_smoke_test("no/such/folder")
    assert not isinstance(caught.value, NotTestedError)
