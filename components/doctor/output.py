"""The doctor's output: lines for people, and a JSON document for programs."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from components.core.base.documents import Document
from components.core.base.exit_codes import ExitCode
from components.doctor.check_runs import Check
from components.doctor.finding import Finding, Status

CheckedFinding = tuple[Check, Finding]

SYMBOLS = {Status.PROBLEM: "X", Status.WARNING: "!", Status.NOT_USED: "-", Status.OK: "+"}
"""The first character of a line: readable without colours and in every encoding."""

_PLURALS = {Status.PROBLEM: "problems", Status.WARNING: "warnings"}
_TOPIC_WIDTH, _SUBJECT_WIDTH = 9, 22


@dataclass(frozen=True)
class FindingRow:
    """A finding in the JSON document: the fields of `Finding`, under the names that monitors read."""

    topic: str
    what: str
    status: Status
    seen: str
    do: str


class DoctorReport(Document):
    """All findings in the order of the checks, and how many there are of each status."""

    findings: tuple[FindingRow, ...]
    counts: dict[Status, int]


def make_report(found: Sequence[CheckedFinding]) -> DoctorReport:
    """Return the findings as a document."""
    rows = [FindingRow(check.topic, f.subject, f.status, f.observation, f.remedy) for check, f in found]
    counts = Counter(row.status for row in rows)
    return DoctorReport(findings=tuple(rows), counts={status: counts[status] for status in Status})


def print_report(found: Sequence[CheckedFinding]) -> None:
    """Print one line per finding, the gravest first, then the counts."""
    for check, finding in sort_by_gravity(found):
        print(format_line(check, finding))
    print(format_counts([finding for _, finding in found]))


def print_json(found: Sequence[CheckedFinding]) -> None:
    """Print the findings as a JSON document."""
    print(json.dumps(make_report(found).values(), indent=2, ensure_ascii=False))


def sort_by_gravity(found: Sequence[CheckedFinding]) -> list[CheckedFinding]:
    """Return the findings with the gravest first; findings of one status stay in the order of the checks."""
    gravity = list(Status)
    return sorted(found, key=lambda checked: gravity.index(checked[1].status))


def format_line(check: Check, finding: Finding) -> str:
    """Return a finding as one line: symbol, topic, subject, observation, remedy."""
    start = f"{SYMBOLS[finding.status]} {check.topic:{_TOPIC_WIDTH}} {finding.subject:{_SUBJECT_WIDTH}}"
    return f"{start} {finding.observation}{f' > {finding.remedy}' if finding.remedy else ''}"


def format_counts(findings: Sequence[Finding]) -> str:
    """Return the number of findings of each status, with the symbols explained."""
    counts = Counter(finding.status for finding in findings)
    return ", ".join(f"{counts[status]} {_name(status, counts[status])} ({SYMBOLS[status]})" for status in Status)


def _name(status: Status, count: int) -> str:
    return status.value if count == 1 else _PLURALS.get(status, status.value)


def exit_code(findings: Sequence[Finding]) -> ExitCode:
    """Return USER_ERROR when there is a problem, else DONE."""
    is_fit = all(finding.status is not Status.PROBLEM for finding in findings)
    return ExitCode.DONE if is_fit else ExitCode.USER_ERROR
