"""Scores the live model again, by today's code on today's tracks, and compares with the scores at its promotion.

The scores become an MLflow run of their own. The run of the model's training shows the latest scores: a later
evaluation, by newer code or on more tracks, overwrites them. MLflow keeps the time of each value, and the journal the
time and the test tracks of each promotion.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import mlflow
from prefect import flow, get_run_logger
from prefect.states import Completed

from components.core.base.params import load_section
from components.core.base.workspace import SCRATCH
from components.core.data.artifacts import MANIFEST
from components.core.models.addresses import fetch_model
from components.core.release.journal import JournalEntry, open_journal
from components.core.release.registry_sections import PromoteConfig, load_model_name
from components.core.tracking import mlflow_runs
from pipelines.judging.registration_and_gate import live_version
from pipelines.running.checkout import Checkout, open_checkout
from pipelines.running.flow_runs import failed_state, retry_outages

# the model's own metrics, as components/evaluate/results/mlflow_run.py names them: test/<target>/SDR
_PREFIX, _SUFFIX = "test/", "/SDR"
TEST_DIGEST = "evaluate.test_digest"
_MILLISECONDS = 1000  # MLflow's times are in milliseconds, the journal's in whole seconds


@dataclass(frozen=True)
class ModelScores:
    """SDR in dB by target, on the test tracks with this digest."""

    sdr: Mapping[str, float]
    test_digest: str


def current_scores(run: mlflow.entities.Run) -> ModelScores:
    """Return the scores that a run shows now."""
    values = {name: value for name, value in sorted(run.data.metrics.items()) if _is_own_sdr(name)}
    return ModelScores({_target(name): value for name, value in values.items()}, run.data.tags.get(TEST_DIGEST, ""))


def scores_at_promotion(
    client: mlflow.MlflowClient, run: mlflow.entities.Run, promotion: JournalEntry | None
) -> ModelScores:
    """Return the scores that the training's run showed at `promotion`; the current ones without a promotion."""
    if promotion is None:
        return current_scores(run)
    until = (datetime.fromisoformat(promotion.time).timestamp() + 1) * _MILLISECONDS
    sdr = {}
    for name in filter(_is_own_sdr, sorted(run.data.metrics)):
        before = [value for value in client.get_metric_history(run.info.run_id, name) if value.timestamp <= until]
        if before:
            sdr[_target(name)] = max(before, key=lambda value: value.timestamp).value
    return ModelScores(sdr, str(promotion.evidence.get("test", "")))


def last_promotion(entries: list[JournalEntry], version: int) -> JournalEntry | None:
    """Return the last journal entry by which the gate let the version go live; None if there is none."""
    found = [entry for entry in entries if entry.version == version and entry.kind == "promotion"]
    return found[-1] if found else None


def _is_own_sdr(name: str) -> bool:
    """Return whether a metric is the model's own; the names of other systems' metrics have one part more."""
    return name.startswith(_PREFIX) and name.endswith(_SUFFIX) and name.count("/") == 2


def _target(name: str) -> str:
    return name.removeprefix(_PREFIX).removesuffix(_SUFFIX)


@flow(name="evaluate-champion", flow_run_name="evaluate the champion at {commit}")
def evaluate_champion(commit: str = "HEAD") -> Any:
    """Score the live model on the test tracks again, and compare with the scores at its promotion.

    Args:
        commit: The commit, branch or tag whose code, parameters and data are used.
    """
    try:
        with open_checkout(commit) as checkout:
            outcome = _evaluate(checkout)
            checkout.delete()
    except Exception as error:
        return failed_state(error)
    get_run_logger().info(outcome)
    return Completed(message=outcome)


def _evaluate(checkout: Checkout) -> str:
    """Score the champion on the clone's test tracks; return the comparison as a sentence."""
    name = load_model_name(checkout.params)
    promote = load_section("promote", PromoteConfig, checkout.params)
    version = retry_outages(lambda: live_version(name, promote.alias))
    if version is None:
        return f"no version of {name} is live: there is nothing to score"
    checkout.reproduce(MANIFEST.writer, options=checkout.pull_options())
    client = retry_outages(mlflow_runs.connect)
    training = retry_outages(lambda: _training_run(client, name, version))
    model = retry_outages(lambda: fetch_model(f"models:/{name}/{version}", SCRATCH / "models")).folder.resolve()
    tags = {"stage": "evaluate-champion", "champion.version": version}
    run = retry_outages(lambda: _create_run(client, f"champion {name}/{version}", tags))
    folder = (checkout.workspace / "champion").resolve()
    run.write(folder)
    try:
        checkout.run_step(
            "evaluate", "--model", str(model), "--data", str((checkout.workspace / MANIFEST.writer).resolve()),
            "--out", str(folder / "scores"), "--run", str(folder),
        )  # fmt: skip
    except BaseException:  # a signal as well
        client.set_terminated(run.run_id, "FAILED")
        raise
    retry_outages(lambda: client.set_terminated(run.run_id))
    now, then = (retry_outages(partial(client.get_run, ref.run_id)) for ref in (run, training))
    promotion = retry_outages(lambda: last_promotion(open_journal(promote.journal).entries_of(name), version))
    before = retry_outages(lambda: scores_at_promotion(client, then, promotion))
    return f"version {version}: {_compare(now, before, 'at its promotion' if promotion else 'when it was trained')}"


def _training_run(client: mlflow.MlflowClient, name: str, version: int) -> mlflow_runs.RunRef:
    ref = mlflow_runs.RunRef(run_id=client.get_model_version(name, str(version)).run_id)
    mlflow_runs.require_run(ref)
    return ref


def _create_run(client: mlflow.MlflowClient, name: str, tags: dict[str, object]) -> mlflow_runs.RunRef:
    created = client.create_run(mlflow_runs.experiment_id(client), run_name=name)
    ref = mlflow_runs.RunRef(run_id=created.info.run_id)
    mlflow_runs.set_tags(client, ref, tags)
    return ref


def _compare(run: mlflow.entities.Run, before: ModelScores, when: str) -> str:
    """Return the SDR of every target and its change since `before`, which was measured `when`."""
    now = current_scores(run)
    changes = [_change(target, value, before.sdr.get(target), when) for target, value in now.sdr.items()]
    tracks = f"{run.data.tags['evaluate.test_tracks']} test tracks"
    which = f"the same {tracks}" if now.test_digest == before.test_digest else f"{tracks}, which are not those of then"
    return f"{'; '.join(changes)}; on {which} (MLflow run {run.info.run_id})"


def _change(target: str, now: float, before: float | None, when: str) -> str:
    change = f"{now - before:+.2f} against {before:.2f} {when}" if before is not None else "not scored before"
    return f"{target} {now:.2f} dB SDR, {change}"
