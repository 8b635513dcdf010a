"""The model of this workspace's last run, and what the gate said of it."""

import re
from dataclasses import dataclass
from pathlib import Path

from components.core.data import artifacts
from components.report.sources.reading import Document, Unavailable, read_document

_CHAMPION = re.compile(r"against champion (\d+)")


class _Verdict(Document):
    name: str
    version: int
    passed: bool
    rule: str
    reasons: tuple[str, ...] = ()


class _Version(Document):
    name: str
    version: int
    run_id: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class ModelPart:
    """What is said of the model: `verdict` is 'passed', 'refused' or '' (not judged yet)."""

    headline: str
    lead: str
    verdict: str
    rule: str
    reasons: tuple[str, ...]
    run_id: str
    sha256: str


def read_model(workspace: Path) -> ModelPart:
    """Return what is known of the model of this run; raises Unavailable before the first registration."""
    missing = "No model has been registered yet: register and gate have not run."
    verdict, version = None, None
    try:
        verdict = read_document(artifacts.VERDICT.below(workspace), _Verdict, missing)
    except Unavailable as reason:
        version = read_document(artifacts.VERSION.below(workspace), _Version, str(reason))
        return _not_judged(version, "The gate has not judged it, so it was not promoted.")
    try:
        version = read_document(artifacts.VERSION.below(workspace), _Version, missing)
    except Unavailable:
        version = _Version(name=verdict.name, version=verdict.version)
    if (version.name, version.version) != (verdict.name, verdict.version):
        last = f"The gate's last verdict is on version {verdict.version}, which {_outcome(verdict)}."
        return _not_judged(version, last)
    return _judged(verdict, version)


def _not_judged(version: _Version, lead: str) -> ModelPart:
    headline = f"Version {version.version} of {version.name} is registered"
    return ModelPart(headline, lead, "", "", (), version.run_id, version.sha256)


def _judged(verdict: _Verdict, version: _Version) -> ModelPart:
    named = f"Version {verdict.version} of {verdict.name}"
    if verdict.passed:
        headline, lead = f"{named} passed the gate", "What is live now stands at the top of this page."
    else:
        headline, lead = f"{named} was refused", _who_stays(verdict.rule)
    outcome = _outcome(verdict).split()[0]
    return ModelPart(headline, lead, outcome, verdict.rule, verdict.reasons, version.run_id, version.sha256)


def _who_stays(rule: str) -> str:
    champion = _CHAMPION.fullmatch(rule)
    return f"So version {champion[1]} stayed the champion." if champion else "There was no champion then."


def _outcome(verdict: _Verdict) -> str:
    return "passed" if verdict.passed else "refused"
