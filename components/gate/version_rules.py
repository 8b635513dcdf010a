"""The rules about a version's own history: its weights, earlier decisions of people, and the test tracks."""

from components.core.data.score_tables import MODEL
from components.core.release.verdict import Finding
from components.core.release.version import REFUSED_TAG, ROLLED_BACK_TAG, VersionRef
from components.core.tracking import mlflow_runs
from components.gate.config import GateConfig
from components.gate.mlflow_verdict import TEST_DIGEST
from components.gate.scores import Scores


def judge_version(config: GateConfig, version: VersionRef, champion: int | None, scores: Scores) -> list[Finding]:
    """Return the findings about `version` with these scores; `champion` is the live version, 0 the shipped model."""
    notes = _note_few_tracks(config, scores) if champion is None else _note_other_tracks(version, champion, scores)
    return [_judge_weights(version, scores), *_judge_earlier_decisions(version), *notes]


def _judge_weights(version: VersionRef, scores: Scores) -> Finding:
    same = scores.model == version.sha256
    text = "of the registered weights" if same else "of other weights than the registered ones: run evaluate again"
    return Finding("scores", same, f"scores: {text}")


def _judge_earlier_decisions(version: VersionRef) -> list[Finding]:
    """Return bad findings when a person took the version back, or did not let it go live."""
    tags = _tags(version.name, version.version)
    by_hand = f"stemline rollback --to {version.version}"
    findings = []
    if ROLLED_BACK_TAG in tags:
        remedy = f"train another, or `{by_hand} --why …`"
        findings.append(Finding("taken back", False, f"taken back: {tags[ROLLED_BACK_TAG]}; {remedy}"))
    if REFUSED_TAG in tags:
        again = f"delete the version's tag {REFUSED_TAG} to be asked again"
        remedy = f"train another, {again}, or `{by_hand} --ungated --why …`"
        findings.append(Finding("approval", False, f"approval: refused by {tags[REFUSED_TAG]}; {remedy}"))
    return findings


def _note_other_tracks(version: VersionRef, champion: int, scores: Scores) -> list[Finding]:
    """Return a good finding when the champion's own verdict was about other test tracks."""
    if not champion or _tags(version.name, champion).get(TEST_DIGEST, scores.test_digest) == scores.test_digest:
        return []
    text = f"test set: not the tracks that version {champion} was judged on; both were scored on today's"
    return [Finding("test set", True, text)]


def _note_few_tracks(config: GateConfig, scores: Scores) -> list[Finding]:
    """Return a good finding when the first champion has too few test tracks for later comparisons."""
    tracks = len(scores.sdr[MODEL])
    if tracks >= config.minimum_tracks:
        return []
    needed = f"no later model can be compared with this one on fewer than {config.minimum_tracks} (gate.minimum_tracks)"
    return [Finding("test set", True, f"test set: {tracks} track{'' if tracks == 1 else 's'}; {needed}")]


def _tags(name: str, version: int) -> dict[str, str]:
    tags: dict[str, str] = mlflow_runs.connect().get_model_version(name, str(version)).tags
    return tags
