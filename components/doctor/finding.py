"""The findings of a check, each with its remedy."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from components.core.base.secret_masking import without_secrets


class Status(StrEnum):
    """The gravity of a finding, the gravest first: a problem stops some work, a warning may stop it or slow it down."""

    PROBLEM = "problem"
    WARNING = "warning"
    NOT_USED = "not used"
    OK = "ok"


@dataclass(frozen=True)
class Finding:
    """The result of a check about one subject, each text on one line.

    subject      the part that was checked
    observation  the result, with numbers
    remedy       the action to take; may be empty
    """

    subject: str
    status: Status
    observation: str
    remedy: str = ""

    def without_secrets(self) -> "Finding":
        """Return the finding with all secrets masked."""
        return replace(
            self,
            subject=without_secrets(self.subject),
            observation=without_secrets(self.observation),
            remedy=without_secrets(self.remedy),
        )


Findings = Iterable[Finding]


def ok(subject: str, observation: str) -> Finding:
    """Return a finding that needs no action."""
    return Finding(subject, Status.OK, observation)


def warning(subject: str, observation: str, remedy: str) -> Finding:
    """Return a finding that may stop some work or slow it down."""
    return Finding(subject, Status.WARNING, observation, remedy)


def problem(subject: str, observation: str, remedy: str) -> Finding:
    """Return a finding that stops some work."""
    return Finding(subject, Status.PROBLEM, observation, remedy)


def not_used(subject: str, observation: str, remedy: str = "") -> Finding:
    """Return a finding about a part that this set-up does not use; `remedy` says how to set it up."""
    return Finding(subject, Status.NOT_USED, observation, remedy)
