"""Is the model that is live worth what it was when it was promoted? Scored again, by today's code on today's tracks.

The scores become an MLflow run of their own.
"""

from pipelines.running import prefect_environment  # noqa: F401, I001  (before Prefect, which reads its settings when imported)

from functools import partial
from typing import Any

import mlflow
from prefect import flow, get_run_logger
from prefect.states import Completed

from components.core.tracking import mlflow_runs
from components.core.release.journal import Journal, open_journal
from components.core.models.addresses import fetch_model
from components.core.base.params import load_section
from components.core.base.workspace import SCRATCH
from components.promote.config import PromoteConfig
from components.register.config import RegisterConfig
from pipelines.judging.promotion_scores import Worth, promotion_of, worth_at, worth_of
from pipelines.judging.champion import live_version
from pipelines.running.checkout import Checkout, checked_out
from pipelines.running.flow_failure import failed
from pipelines.judging.judgement import champion_alias
from pipelines.running.retries import patiently


@flow(name="evaluate-champion", flow_run_name="evaluate the champion at {commit}")
def evaluate_champion(commit: str = "HEAD") -> Any:
    """Score the model that is live on the test tracks again, and say how that compares with the time of its promotion.

    Args:
        commit: The commit, branch or tag whose code, parameters and data are used.
    """
    try:
        with checked_out(commit) as checkout:
            outcome = _evaluated(checkout)
            checkout.forget()
    except Exception as error:
        return failed(error)
    get_run_logger().info(outcome)
    return Completed(message=outcome)


def _evaluated(checkout: Checkout) -> str:
    """Bring the test tracks to the clone, score the champion on them; return in words what came of it."""
    name = load_section("register", RegisterConfig, checkout.folder / "params.yaml").name
    version = patiently(lambda: live_version(name, champion_alias(checkout)))
    if version is None:
        return f"no version of {name} is live: there is nothing to score"
    _bring_tracks(checkout)
    client = patiently(mlflow_runs.connect)
    training = patiently(lambda: _run_of_training(client, name, version))
    model = patiently(lambda: fetch_model(f"models:/{name}/{version}", SCRATCH / "models")).folder.resolve()
    tags = {"stage": "evaluate-champion", "champion.version": version}
    run = patiently(lambda: _new_run(client, f"champion {name}/{version}", tags))
    folder = (checkout.workspace / "champion").resolve()
    run.write(folder)
    try:
        checkout.run_step(
            "evaluate", "--model", str(model), "--data", str((checkout.workspace / "acquire").resolve()),
            "--out", str(folder / "scores"), "--run", str(folder),
        )  # fmt: skip
    except BaseException:  # a signal as well
        client.set_terminated(run.run_id, "FAILED")
        raise
    patiently(lambda: client.set_terminated(run.run_id))
    now, then = (patiently(partial(client.get_run, ref.run_id)) for ref in (run, training))
    promotion = patiently(lambda: promotion_of(_journal(checkout).of(name), version))
    before = patiently(lambda: worth_at(client, then, promotion))
    return f"version {version}: {_compared(now, before, 'at its promotion' if promotion else 'when it was trained')}"


def _journal(checkout: Checkout) -> Journal:
    return open_journal(load_section("promote", PromoteConfig, checkout.folder / "params.yaml").journal)


def _run_of_training(client: mlflow.MlflowClient, name: str, version: int) -> mlflow_runs.RunRef:
    found = mlflow_runs.RunRef(run_id=client.get_model_version(name, str(version)).run_id)
    mlflow_runs.require_run(found)
    return found


def _bring_tracks(checkout: Checkout) -> None:
    """Have the clone hold the data sets, from DVC's remote where it has them."""
    checkout.reproduce("acquire", options=checkout.fetching())


def _new_run(client: mlflow.MlflowClient, name: str, tags: dict[str, object]) -> mlflow_runs.RunRef:
    created = client.create_run(mlflow_runs.experiment_id(client), run_name=name)
    ref = mlflow_runs.RunRef(run_id=created.info.run_id)
    mlflow_runs.set_tags(client, ref, tags)
    return ref


def _compared(run: mlflow.entities.Run, before: Worth, when: str) -> str:
    """Return the SDR of every target, and how it differs from `when` it was measured before."""
    now = worth_of(run)
    said = [_change(target, value, before.sdr.get(target), when) for target, value in now.sdr.items()]
    tracks = f"{run.data.tags['evaluate.test_tracks']} test tracks"
    which = f"the same {tracks}" if now.test_digest == before.test_digest else f"{tracks}, which are not those of then"
    return f"{'; '.join(said)}; on {which} (MLflow run {run.info.run_id})"


def _change(target: str, now: float, before: float | None, when: str) -> str:
    change = f"{now - before:+.2f} against {before:.2f} {when}" if before is not None else "not scored before"
    return f"{target} {now:.2f} dB SDR, {change}"
