"""Findings of the doctor, arranged for comparison in tests."""

from components.doctor.finding import Finding, Findings


def by_subject(findings: Findings) -> dict[str, Finding]:
    """Return the findings by subject; a check has one finding for each subject."""
    found = list(findings)
    by_name = {finding.subject: finding for finding in found}
    assert len(by_name) == len(found), found
    return by_name


def statuses(findings: Findings) -> dict[str, str]:
    """Return the status of each subject."""
    return {name: finding.status.value for name, finding in by_subject(findings).items()}
