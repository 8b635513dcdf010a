"""What a check has seen, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a finding is to be taken; a `problem` stops some work, a `warning` may."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    NOT_USED = "not used"


@dataclass(frozen=True)
class Finding:
    """`what` was looked at, what was `seen` (with numbers), and what to `do`, one line each; `do` may be empty."""

    what: str
    status: Status
    seen: str
    do: str = ""


Findings = Iterable[Finding]


def ok(what: str, seen: str) -> Finding:
    """Return a finding that asks for nothing."""
    return Finding(what, Status.OK, seen)


def warning(what: str, seen: str, do: str) -> Finding:
    """Return a finding that may stop some work, or makes it slow."""
    return Finding(what, Status.WARNING, seen, do)


def problem(what: str, seen: str, do: str) -> Finding:
    """Return a finding that stops some work."""
    return Finding(what, Status.PROBLEM, seen, do)


def not_used(what: str, seen: str, do: str = "") -> Finding:
    """Return a finding on a part that this set-up does without; `do` says how to have it."""
    return Finding(what, Status.NOT_USED, seen, do)
