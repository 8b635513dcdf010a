"""A verdict in MLflow: on the version in the registry, and on the run that trained it."""

from collections.abc import Iterable
from pathlib import Path

from components.core.release.verdict import Verdict
from components.core.tracking import mlflow_runs

ARTIFACTS = "gate"
"""The folder of the gate's files among the run's artifacts."""

TEST_DIGEST = "gate.test_digest"
"""Tag of a version: the digest of the test tracks that it was judged on."""

_LONGEST = 4900  # characters of a tag or a description that MLflow accepts


def record_verdict(verdict: Verdict, files: Iterable[Path]) -> None:
    """Tag and describe the version; tag its training's run, and log the files to it."""
    client = mlflow_runs.connect()
    tags = _tags(verdict)
    for name, value in tags.items():
        client.set_model_version_tag(verdict.name, str(verdict.version), name, value)
    client.update_model_version(verdict.name, str(verdict.version), _description(verdict)[:_LONGEST])
    run = mlflow_runs.RunRef(run_id=verdict.run_id)
    mlflow_runs.require_run(run)
    mlflow_runs.set_tags(client, run, tags)
    for path in files:
        client.log_artifact(verdict.run_id, str(path), ARTIFACTS)


def _tags(verdict: Verdict) -> dict[str, str]:
    return {
        "gate.verdict": "passed" if verdict.passed else "refused",
        "gate.rule": verdict.rule,
        "gate.reasons": "; ".join(verdict.reasons)[:_LONGEST],
        TEST_DIGEST: verdict.test_digest,
        "gate.champion": str(verdict.champion or "none"),
        "gate.digest": verdict.digest,
    }


def _description(verdict: Verdict) -> str:
    """Return the verdict as Markdown, for the registry's page of the version."""
    word = "Passed" if verdict.passed else "Refused"
    lines = [f"{'✓' if finding.good else '✗'} {finding.text}" for finding in verdict.findings]
    where = f"The whole verdict: `{ARTIFACTS}/{Verdict.FILE}` among the artifacts of run `{verdict.run_id}`."
    return "\n\n".join([f"**{word} by the gate** ({verdict.rule})", *lines, where])
