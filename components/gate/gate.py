"""Judge a version, write the verdict down, and tag the version with it."""

from dataclasses import asdict, dataclass
from pathlib import Path

from components.core import tracking
from components.core.files import write_json
from components.core.verdict import VERDICT_FILE, Verdict
from components.core.version import VersionRef
from components.gate.config import GateConfig
from components.gate.rules import against_champion, first_champion
from components.gate.scores import read_scores


@dataclass(frozen=True)
class Champion:
    """The version that is live, and the folder of its scores on the challenger's test tracks."""

    version: int
    scores: Path


def gate(config: GateConfig, version: VersionRef, scores: Path, champion: Champion | None, out: Path) -> Verdict:
    """Judge `version` by its scores; write `out`/verdict.json, and tag the version in the registry."""
    challenger = read_scores(scores)
    if champion is None:
        rule, findings = "first champion", first_champion(config, challenger)
    else:
        rule = f"against champion {champion.version}"
        findings = against_champion(config, challenger, read_scores(champion.scores))
    passed = bool(findings) and all(finding.good for finding in findings)
    verdict = Verdict(
        version.name,
        version.version,
        passed,
        rule,
        tuple(finding.text for finding in findings),
        champion.version if champion else 0,
        challenger.test_digest,
        version.sha256,
    )
    write_json(out / VERDICT_FILE, asdict(verdict))
    _tag(verdict, challenger.test_digest)
    return verdict


def _tag(verdict: Verdict, test_digest: str) -> None:
    client = tracking.connect()
    tags = {
        "gate.verdict": "passed" if verdict.passed else "refused",
        "gate.rule": verdict.rule,
        "gate.reasons": "; ".join(verdict.reasons),
        "gate.test_digest": test_digest,
    }
    for name, value in tags.items():
        client.set_model_version_tag(verdict.name, str(verdict.version), name, value)
