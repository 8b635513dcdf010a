"""Judge a version, and record the verdict.

verdict.json      the verdict with all its findings
smoke.json        the measurements of the trials of version and champion
differences.png   the gain or loss of each track
"""

from dataclasses import dataclass
from pathlib import Path

from components.core.base.files import write_json
from components.core.data import artifacts
from components.core.models.model_description import REGISTRY
from components.core.models.smoke_test import run_smoke_test
from components.core.release.verdict import Finding, Verdict
from components.core.release.version import VersionRef
from components.gate.config import GateConfig
from components.gate.mlflow_verdict import record_verdict
from components.gate.operational_rules import TryModel, judge_operation
from components.gate.score_rules import judge_against_champion, judge_first_champion
from components.gate.scores import read_scores
from components.gate.slices import judge_slices
from components.gate.verdict_picture import draw_differences
from components.gate.version_rules import judge_version

_FILES = (artifacts.VERDICT, artifacts.SMOKE, artifacts.VERDICT_PICTURE)


@dataclass(frozen=True)
class Champion:
    """The live version, and the folder of its scores on the challenger's test tracks.

    Version 0 is the model that ships with Stemline, which is in use as long as no version is live.
    """

    version: int
    scores: Path


@dataclass(frozen=True)
class Evidence:
    """The evidence about a version: the folders of its scores and of the test tracks' manifest, and a trial."""

    scores: Path
    data: Path
    try_model: TryModel = run_smoke_test


def gate(
    config: GateConfig, version: VersionRef, evidence: Evidence, champion: Champion | None, out: Path
) -> Verdict:  # fmt: skip
    """Judge `version`; write the files to `out`, and the verdict to the registry and to the run that trained it."""
    challenger = read_scores(evidence.scores)
    live = read_scores(champion.scores) if champion else None
    by_scores = judge_against_champion(config, challenger, live) if live else judge_first_champion(config, challenger)
    by_slices = judge_slices(config, challenger, live, evidence.data) if live else []
    by_operation, results = judge_operation(
        config, _address(version.name, version.version), version.sha256,
        _address(version.name, champion.version) if champion and champion.version else None, evidence.try_model,
    )  # fmt: skip
    by_history = judge_version(config, version, champion.version if champion else None, challenger)
    findings = (*by_scores, *by_slices, *by_operation, *by_history)
    verdict = Verdict(
        name=version.name,
        version=version.version,
        passed=bool(by_scores) and all(finding.good for finding in findings),
        rule=_rule(champion),
        reasons=_reasons(by_scores, findings),
        champion=champion.version if champion else 0,
        test_digest=challenger.test_digest,
        sha256=version.sha256,
        run_id=version.run_id,
        findings=findings,
    )
    verdict.write(out)
    write_json(artifacts.SMOKE.within(out), {role: result.values() for role, result in results.items()})
    draw_differences(artifacts.VERDICT_PICTURE.within(out), config, verdict, challenger, live)
    record_verdict(verdict, [artifact.within(out) for artifact in _FILES])
    return verdict


def _address(name: str, version: int) -> str:
    return f"{REGISTRY}{name}/{version}"


def _rule(champion: Champion | None) -> str:
    if champion is None:
        return "first champion"
    return f"against champion {champion.version}" if champion.version else "against the shipped model"


def _reasons(by_scores: list[Finding], findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """Return the texts of the bad findings, or, if all are good, of the comparison of scores."""
    bad = [finding.text for finding in findings if not finding.good]
    return tuple(bad or [finding.text for finding in by_scores])
