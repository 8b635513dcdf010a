"""The findings as lines for people, and as JSON for programs."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from components.doctor.check_runs import Check
from components.doctor.finding import Finding, Status

Found = tuple[Check, Finding]

SYMBOLS = {Status.OK: "+", Status.WARNING: "!", Status.PROBLEM: "X", Status.NOT_USED: "-"}
"""What a line begins with: readable without colours, in every encoding."""

_NAMES = {
    Status.OK: ("ok", "ok"),
    Status.WARNING: ("warning", "warnings"),
    Status.PROBLEM: ("problem", "problems"),
    Status.NOT_USED: ("not used", "not used"),
}
_TOPIC, _WHAT = 9, 22  # columns


def lines_of(check: Check, finding: Finding) -> list[str]:
    """Return a finding as a line, and what to do as a second one below it."""
    lines = [f"{SYMBOLS[finding.status]} {check.topic:{_TOPIC}} {finding.what:{_WHAT}} {finding.seen}"]
    if finding.do:
        lines.append(f"{'':{_TOPIC + _WHAT + 3}} > {finding.do}")
    return lines


def last_line(findings: Iterable[Finding]) -> str:
    """Return how many findings there are of each kind, which explains the symbols as well."""
    counts = Counter(finding.status for finding in findings)
    return ", ".join(
        f"{counts[status]} {_NAMES[status][counts[status] != 1]} ({symbol})" for status, symbol in SYMBOLS.items()
    )


def document(found: Iterable[Found]) -> str:
    """Return the findings as JSON: `findings`, and `counts` of each status."""
    rows = [_row(check, finding) for check, finding in found]
    counts = Counter(row["status"] for row in rows)
    whole = {"findings": rows, "counts": {status.value: counts[status.value] for status in Status}}
    return json.dumps(whole, indent=2, ensure_ascii=False)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 1 where there is a problem, else 0."""
    return int(any(finding.status is Status.PROBLEM for finding in findings))


def _row(check: Check, finding: Finding) -> dict[str, Any]:
    return {
        "topic": check.topic,
        "what": finding.what,
        "status": finding.status.value,
        "seen": finding.seen,
        "do": finding.do,
    }
