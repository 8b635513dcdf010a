"""Retraining on a schedule, on an event or by hand: data, training, scores, gate and promotion in a clone.

`python -m pipelines.flows.retraining [COMMIT]` runs it once, as a deployment does. Its results go to DVC's cache, to an
experiment's ref, to MLflow and to the journal; the clone is deleted.
"""

import base64
import sys
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.states import Completed

from components.core.base.files import digest_file
from components.core.data.artifacts import VERDICT, VERDICT_PICTURE
from components.core.release.verdict import Verdict
from pipelines.flows.data_watching import RETRAIN
from pipelines.judging.approval_flow import NotApprovedError, approve, require_server
from pipelines.judging.registration_and_gate import (
    champion_alias,
    register_and_judge,
    registered_version,
    repair_registry,
)
from pipelines.judging.start_model_choice import find_start_model
from pipelines.processes.command import run_to_exit_code
from pipelines.processes.dvc import did_run_stage
from pipelines.running.checkout import Checkout, open_checkout
from pipelines.running.flow_runs import failed_state, retry_outages, run_flow
from pipelines.running.project_stages import ProjectFolder

START_MODEL = "start.model"
"""The parameter that names the model to start from."""

_ADVICE = {"drift": " (a catalogue has drifted: for a model that knows such music, add some to the data)"}
"""Added to the result, by the `why` in prefect.yaml."""


@flow(name=RETRAIN, flow_run_name="retrain at {commit}: {why}")
def retrain(
    commit: str = "HEAD",
    why: str = "asked for",
    parameters: dict[str, Any] | None = None,
    require_approval: bool = False,
) -> Any:
    """Train a model, compare it with the champion, and promote it if the gate lets it pass.

    Args:
        commit: The commit, branch or tag to train at; a worker in a container knows those from its start.
        why: The reason, for the name of the run: schedule, new data, drift …
        parameters: Values that differ from params.yaml, e.g. {"train.steps": 2000}.
        require_approval: Whether a person must listen and approve before the version goes live; the run waits for this.
    """
    try:
        if require_approval:
            require_server()
        with open_checkout(commit) as checkout:
            checkout.set_parameters(parameters or {})
            checkout.require_valid_parameters()
            retry_outages(lambda: _set_start_model(checkout, parameters or {}))
            outcome = retry_outages(lambda: retrain_checkout(checkout, require_approval)) + _ADVICE.get(why, "")
            checkout.delete()
    except Exception as error:
        return failed_state(error)
    get_run_logger().info(outcome)
    return Completed(message=outcome)


def run(
    commit: str = "HEAD",
    why: str = "asked for",
    parameters: dict[str, Any] | None = None,
    require_approval: bool = False,
) -> None:
    """Run the flow in this process; raises CommandError, with one line, when it fails."""
    if require_approval:
        require_server()  # printed at once, since the flow starts a Prefect server, which takes long
    state = run_flow(retrain, commit=commit, why=why, parameters=parameters, require_approval=require_approval)
    print(f"retrain: {state.message}")


def _set_start_model(checkout: Checkout, parameters: dict[str, Any]) -> None:
    """Write to the clone's params.yaml which model the training starts from, unless `parameters` say it."""
    repair_registry(checkout)
    if START_MODEL not in parameters:
        start = find_start_model(checkout, checkout.pull_options())
        get_run_logger().info(f"starts from {start or 'random weights'}")
        checkout.set_parameters({**parameters, START_MODEL: start})


def retrain_checkout(checkout: Checkout, require_approval: bool) -> str:
    """Bring the clone's model up to date and judge it; return the outcome as a sentence."""
    ran = did_run_stage(checkout.reproduce_all(checkout.pull_options()))
    if ran:
        _record(checkout)
    verdict = register_and_judge(checkout)
    if verdict is None:
        version = registered_version(checkout)
        made = "the training gave the same model as" if ran else "data, code and parameters are those of"
        return f"{made} the champion, version {version.version}: nothing to {'judge' if ran else 'train'}"
    if not ran:  # the run that made this result may have been killed before it recorded it
        _record(checkout)
    publish_verdict(verdict, checkout.workspace / VERDICT.writer)
    return promote(checkout, verdict, require_approval)


def _record(checkout: Checkout) -> None:
    """Save the results as an experiment, named by their digest, and push them to DVC's remote."""
    checkout.save_experiment(f"retrain-{digest_file(checkout.folder / 'dvc.lock')[:12]}")
    checkout.push()


def promote(project: ProjectFolder, verdict: Verdict, require_approval: bool) -> str:
    """Promote the version if the gate and, where required, a person let it pass; return the outcome as a sentence."""
    if not verdict.passed:
        project.run_step("promote")
        return f"version {verdict.version} was refused: {'; '.join(verdict.reasons)}"
    options: tuple[str, ...] = ()
    if require_approval:
        try:
            approve(project, verdict)
        except NotApprovedError as error:
            return f"version {verdict.version} {error}"
        options = ("--approval", str((project.workspace / VERDICT.writer).resolve()))
    project.run_step("promote", *options)
    return f"version {verdict.version} is @{champion_alias(project)} now: {'; '.join(verdict.reasons)}"


def publish_verdict(verdict: Verdict, folder: Path) -> None:
    """Make the verdict an artifact of the flow run, with the gate's picture from `folder`."""
    # the picture as text: Prefect's page can't read files of a worker
    picture = base64.b64encode(VERDICT_PICTURE.within(folder).read_bytes()).decode()
    lines = [
        f"# Version {verdict.version} {'passed' if verdict.passed else 'was refused'}",
        f"By the rule: {verdict.rule}.",
        *(f"- {reason}" for reason in verdict.reasons),
        f"![What each track gained or lost](data:image/png;base64,{picture})",
    ]
    create_markdown_artifact("\n\n".join(lines), key="verdict", description=f"{verdict.name}/{verdict.version}")


if __name__ == "__main__":
    sys.exit(run_to_exit_code(lambda: run(sys.argv[1] if len(sys.argv) > 1 else "HEAD")))
