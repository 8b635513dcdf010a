"""Where a verdict is written down besides its file: the version in the registry, and the run that trained it."""

from collections.abc import Iterable
from pathlib import Path

from components.core.release.verdict import Verdict
from components.core.tracking import mlflow_runs

ARTIFACTS = "gate"
"""Folder of the run's artifacts that everything goes to."""

TEST_DIGEST = "gate.test_digest"
"""Tag of a version: the digest of the tracks that it was judged on."""

_CHARACTERS = 4900  # of a tag or a description, at most, as MLflow takes them


def write_down(verdict: Verdict, files: Iterable[Path]) -> None:
    """Tag and describe the version, tag its training's run, and log the files to it."""
    client = mlflow_runs.connect()
    tags = _tags(verdict)
    for name, value in tags.items():
        client.set_model_version_tag(verdict.name, str(verdict.version), name, value)
    client.update_model_version(verdict.name, str(verdict.version), _description(verdict)[:_CHARACTERS])
    run = mlflow_runs.RunRef(run_id=verdict.run_id)
    mlflow_runs.require_run(run)
    mlflow_runs.set_tags(client, run, tags)
    for path in files:
        client.log_artifact(verdict.run_id, str(path), ARTIFACTS)


def _tags(verdict: Verdict) -> dict[str, str]:
    return {
        "gate.verdict": "passed" if verdict.passed else "refused",
        "gate.rule": verdict.rule,
        "gate.reasons": "; ".join(verdict.reasons)[:_CHARACTERS],
        TEST_DIGEST: verdict.test_digest,
        "gate.champion": str(verdict.champion or "none"),
        "gate.digest": verdict.digest,
    }


def _description(verdict: Verdict) -> str:
    """Return the verdict as Markdown, for the registry's page of the version."""
    word = "Passed" if verdict.passed else "Refused"
    lines = [f"{'✓' if finding.good else '✗'} {finding.text}" for finding in verdict.findings]
    where = f"All of it: `{ARTIFACTS}/{Verdict.FILE}` among the artifacts of run `{verdict.run_id}`."
    return "\n\n".join([f"**{word} by the gate** ({verdict.rule})", *lines, where])
