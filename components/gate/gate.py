"""Judge a version, and write the verdict down.

verdict.json      all that was looked at, and what follows from it
smoke.json        what was seen when the version, and the champion, were tried
differences.png   what each track gained or lost
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.core.base.files import write_json
from components.core.data import artifacts
from components.core.models.registry_names import REGISTRY
from components.core.models.smoke_test import SmokeResult, run_smoke_test
from components.core.release.verdict import Finding, Verdict
from components.core.release.version import NOT_APPROVED, TAKEN_BACK, VersionRef
from components.core.tracking import mlflow_runs
from components.gate.config import GateConfig
from components.gate.mlflow_record import TEST_DIGEST, write_down
from components.gate.operational_rules import Try, operable
from components.gate.score_rules import against_champion, first_champion
from components.gate.scores import MODEL, Scores, read_scores
from components.gate.slices import sliced
from components.gate.verdict_picture import draw_differences


@dataclass(frozen=True)
class Champion:
    """The version that is live, and the folder of its scores on the challenger's test tracks."""

    version: int
    scores: Path


@dataclass(frozen=True)
class Evidence:
    """What a version is judged by: the folder of its scores, that of its test tracks' manifest, and how it is tried."""

    scores: Path
    data: Path
    tried: Try = run_smoke_test


def gate(
    config: GateConfig, version: VersionRef, evidence: Evidence, champion: Champion | None, out: Path
) -> Verdict:  # fmt: skip
    """Judge `version`; write the files to `out`, and the verdict to the registry and to the run that trained it."""
    challenger = read_scores(evidence.scores)
    live = read_scores(champion.scores) if champion else None
    decisive = against_champion(config, challenger, live) if live else first_champion(config, challenger)
    slices = sliced(config, challenger, live, evidence.data) if live else []
    running, seen = operable(
        config, _address(version.name, version.version), version.sha256,
        _address(version.name, champion.version) if champion else None, evidence.tried,
    )  # fmt: skip
    known = [
        _of_these_weights(challenger, version),
        *_turned_down(version),
        *_other_tracks(version, champion, challenger),
        *_few_tracks(config, champion, challenger),
    ]
    findings = (*decisive, *slices, *running, *known)
    verdict = Verdict(
        name=version.name,
        version=version.version,
        passed=bool(decisive) and all(finding.good for finding in findings),
        rule=f"against champion {champion.version}" if champion else "first champion",
        reasons=_reasons(decisive, findings),
        champion=champion.version if champion else 0,
        test_digest=challenger.test_digest,
        sha256=version.sha256,
        run_id=version.run_id,
        findings=findings,
    )
    _write(out, verdict, seen)
    draw_differences(artifacts.VERDICT_PICTURE.within(out), config, verdict, challenger, live)
    files = (artifacts.VERDICT, artifacts.SMOKE, artifacts.VERDICT_PICTURE)
    write_down(verdict, [artifact.within(out) for artifact in files])
    return verdict


def _address(name: str, version: int) -> str:
    return f"{REGISTRY}{name}/{version}"


def _reasons(decisive: list[Finding], findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """Return what refuses the version, or else the comparison that lets it pass."""
    bad = [finding.text for finding in findings if not finding.good]
    return tuple(bad or [finding.text for finding in decisive])


def _of_these_weights(scores: Scores, version: VersionRef) -> Finding:
    same = scores.model == version.sha256
    return Finding("scores", same, f"scores: they are {'' if same else 'not '}of the weights that were registered")


def _turned_down(version: VersionRef) -> list[Finding]:
    """Return findings where somebody went back from this version before, or did not let it go live."""
    tags = mlflow_runs.connect().get_model_version(version.name, str(version.version)).tags
    by_hand = f"stemline rollback --to {version.version}"
    findings = []
    if TAKEN_BACK in tags:
        what = f"train another, or `{by_hand} --why …`"
        findings.append(Finding("taken back", False, f"taken back: {tags[TAKEN_BACK]}; {what}"))
    if NOT_APPROVED in tags:
        again = f"take the tag {NOT_APPROVED} from the version to be asked again"
        what = f"train another, {again}, or `{by_hand} --ungated --why …`"
        findings.append(Finding("approval", False, f"approval: refused by {tags[NOT_APPROVED]}; {what}"))
    return findings


def _other_tracks(version: VersionRef, champion: Champion | None, scores: Scores) -> list[Finding]:
    """Return a finding, good in itself, where the champion was judged on other tracks than both are compared on now."""
    if champion is None:
        return []
    tags = mlflow_runs.connect().get_model_version(version.name, str(champion.version)).tags
    if tags.get(TEST_DIGEST, scores.test_digest) == scores.test_digest:
        return []
    text = f"test set: not the tracks that version {champion.version} was judged on; both were scored on today's"
    return [Finding("test set", True, text)]


def _few_tracks(config: GateConfig, champion: Champion | None, scores: Scores) -> list[Finding]:
    """Return a finding, good in itself, where nothing will ever be judged against this first champion."""
    tracks = len(scores.sdr[MODEL])
    if champion or tracks >= config.minimum_tracks:
        return []
    needed = f"no later model can be compared with this one on fewer than {config.minimum_tracks} (gate.minimum_tracks)"
    return [Finding("test set", True, f"test set: {tracks} track{'' if tracks == 1 else 's'}; {needed}")]


def _write(out: Path, verdict: Verdict, seen: Mapping[str, SmokeResult]) -> None:
    verdict.write(out)
    write_json(artifacts.SMOKE.within(out), {role: found.values() for role, found in seen.items()})
