"""Retraining that runs by itself: data, training, scores, gate and promotion in a clone of the project.

`python -m pipelines.flows.retraining [COMMIT]` runs it once, as a deployment does on its schedule or on an event.
Its results go to DVC's cache, to an experiment's ref, to MLflow and to the journal; the clone is deleted.
"""

from pipelines.running import prefect_environment  # noqa: F401, I001  (before Prefect, which reads its settings when imported)

import base64
import sys
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from components.core.base.files import digest_file
from components.core.data import artifacts
from components.core.release.verdict import Verdict
from pipelines.judging.registry_repair import settle
from pipelines.judging.approval import NotApproved, approve, require_server
from pipelines.running.checkout import Checkout, checked_out
from pipelines.running.command import CommandError, one_line
from pipelines.running.flow_failure import failed
from pipelines.running.guard import guard_this_process
from pipelines.judging.judgement import champion_alias, register_and_judge, registered
from pipelines.running.retries import patiently
from pipelines.running.place import Place, dvc
from pipelines.running.stages import bring_up_to_date
from pipelines.running.tasks import carry_out
from pipelines.flows.watching import RETRAIN

_RAN = "Running stage"
_ADVICE = {"drift": " (a catalogue has drifted: for a model that knows such music, add some to the data)"}
"""By what called for it, as prefect.yaml has it."""


@flow(name=RETRAIN, flow_run_name="retrain at {commit}: {why}")
def retrain(
    commit: str = "HEAD",
    why: str = "asked for",
    parameters: dict[str, Any] | None = None,
    require_approval: bool = False,
) -> Any:
    """Train a model, compare it with the champion, and promote it if the gate lets it pass.

    Args:
        commit: The commit, branch or tag to train at; a worker in a container knows those of when it was started.
        why: What called for it, for the name of the run: schedule, new data, drift …
        parameters: Values that differ from params.yaml, e.g. {"train.steps": 2000}.
        require_approval: Whether a person has to listen and say yes before it goes live; the run pauses for it.
    """
    try:
        if require_approval:
            require_server()
        with checked_out(commit) as checkout:
            checkout.set_parameters(parameters or {})
            outcome = patiently(lambda: _retrained(checkout, require_approval)) + _ADVICE.get(why, "")
            checkout.forget()
    except Exception as error:
        return failed(error)
    get_run_logger().info(outcome)
    return Completed(message=outcome)


def run(
    commit: str = "HEAD",
    why: str = "asked for",
    parameters: dict[str, Any] | None = None,
    require_approval: bool = False,
) -> None:
    """Run the flow here; raises CommandError, with one line, when it fails."""
    if require_approval:
        require_server()  # before the flow starts one of its own, which takes its time
    guard_this_process()
    state: State[Any] = retrain(  # type: ignore[assignment]
        commit, why, parameters, require_approval, return_state=True
    )
    if not state.is_completed():
        raise CommandError(state.message or f"the flow ended as {state.name}")
    print(f"retrain: {state.message}")


def _retrained(checkout: Checkout, require_approval: bool) -> str:
    """Bring the model of the clone up to date and have it judged; return in words what came of it."""
    settle(checkout)
    recorded = any(_RAN in line for line in bring_up_to_date(checkout, checkout.fetching()))
    if recorded:
        _record(checkout)
    verdict = register_and_judge(checkout)
    if verdict is None:
        version = registered(checkout)
        made = "what was made is the same model as" if recorded else "data, code and parameters are those of"
        return f"{made} the champion, version {version.version}: nothing to {'judge' if recorded else 'train'}"
    if not recorded:  # the run that made it may have been killed before it could
        _record(checkout)
    _publish(verdict, checkout.workspace / "gate")
    return promote(checkout, verdict, require_approval)


def _record(checkout: Checkout) -> None:
    """Keep what was made: as an experiment named by what it is, and on DVC's remote where there is one.

    With the run cache, by which DVC knows on other machines what each stage made of what: dvc.lock stays on this one.
    """
    checkout.save_experiment(f"retrain-{digest_file(checkout.folder / 'dvc.lock')[:12]}")
    if checkout.has_remote():
        carry_out("push", dvc("push", "--run-cache"), folder=checkout.folder, environment=checkout.environment)


def promote(place: Place, verdict: Verdict, require_approval: bool) -> str:
    """Promote the version if the gate, and where needed a person, let it pass; return in words what came of it."""
    if not verdict.passed:
        place.run_step("promote")
        return f"version {verdict.version} was refused: {'; '.join(verdict.reasons)}"
    needed: tuple[str, ...] = ()
    if require_approval:
        try:
            approve(place, verdict)
        except NotApproved as error:
            return f"version {verdict.version} {error}"
        needed = ("--approval", str((place.workspace / "gate").resolve()))
    place.run_step("promote", *needed)
    return f"version {verdict.version} is @{champion_alias(place)} now: {'; '.join(verdict.reasons)}"


def _publish(verdict: Verdict, folder: Path) -> None:
    """Make the verdict an artifact of the flow run, with the picture that the gate left in `folder`."""
    word = "passed" if verdict.passed else "was refused"
    reasons = (f"- {text}" for text in verdict.reasons)
    # in the text itself: Prefect's page has no other way to what lies on a worker
    picture = base64.b64encode(artifacts.VERDICT_PICTURE.within(folder).read_bytes()).decode()
    lines = [
        f"# Version {verdict.version} {word}",
        f"By the rule: {verdict.rule}.",
        *reasons,
        f"![What each track gained or lost](data:image/png;base64,{picture})",
    ]
    create_markdown_artifact("\n\n".join(lines), key="verdict", description=f"{verdict.name}/{verdict.version}")


if __name__ == "__main__":
    sys.exit(one_line(lambda: run(sys.argv[1] if len(sys.argv) > 1 else "HEAD")))
