"""The model of this workspace's last run, and the gate's verdict on it."""

import re
from dataclasses import dataclass
from pathlib import Path

from components.core.data.artifacts import VERDICT, VERSION
from components.core.release.verdict import Verdict
from components.core.release.version import VersionRef
from components.report.sources.step_files import Unavailable, read_document, read_part

_CHAMPION = re.compile(r"against champion (\d+)")


@dataclass(frozen=True)
class LastRunPart:
    """The model and its verdict: 'passed', 'refused', or empty when the gate has not judged it."""

    headline: str
    lead: str
    verdict: str
    rule: str
    reasons: tuple[str, ...]
    run_id: str
    sha256: str


def read_last_run(workspace: Path) -> LastRunPart:
    """Return the model of the last run; raises Unavailable before the first registration."""
    missing = "No model has been registered yet: register and gate have not run."
    version = read_part(lambda: read_document(VERSION.below(workspace), VersionRef, missing)).content
    try:
        verdict = read_document(VERDICT.below(workspace), Verdict, missing)
    except Unavailable:
        if version is None:
            raise
        return _not_judged(version, "The gate has not judged it, so it was not promoted.")
    if version and (version.name, version.version) != (verdict.name, verdict.version):
        return _not_judged(
            version, f"The gate's last verdict is about version {verdict.version}, which {_outcome(verdict)}."
        )
    return _judged(verdict, version)


def _not_judged(version: VersionRef, lead: str) -> LastRunPart:
    headline = f"Version {version.version} of {version.name} is registered"
    return LastRunPart(headline, lead, "", "", (), version.run_id, version.sha256)


def _judged(verdict: Verdict, version: VersionRef | None) -> LastRunPart:
    model = f"Version {verdict.version} of {verdict.name}"
    if verdict.passed:
        headline, lead = f"{model} passed the gate", "The top of this page says which version is live now."
    else:
        headline, lead = f"{model} was refused", _describe_champion(verdict.rule)
    run_id, sha256 = (version.run_id, version.sha256) if version else ("", "")
    return LastRunPart(headline, lead, _outcome(verdict), verdict.rule, verdict.reasons, run_id, sha256)


def _describe_champion(rule: str) -> str:
    if rule == "against the shipped model":
        return "The shipped model stayed in use."
    champion = _CHAMPION.fullmatch(rule)
    return f"Version {champion[1]} stayed the champion." if champion else "There was no champion then."


def _outcome(verdict: Verdict) -> str:
    return "passed" if verdict.passed else "refused"
