"""A person's approval before a version goes live: they compare both models blind, and the flow waits for the answer.

The wait is Prefect's pause with input (server/pause.py): its UI shows a form, and whoever fills it in resumes the run.
A flow run inside the retraining pauses, not the retraining itself: a paused retraining would give up its deployment's
only slot, and Prefect would end it at the next renewal (docs/decisions/0018-slots-and-pauses.md).
"""

import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, tags
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.input import RunInput
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed
from prefect.utilities.urls import url_for
from pydantic import Field

from components.core.base.errors import Outage, UserError
from components.core.base.files import write_text
from components.core.base.outages import outage_reason
from components.core.base.params import load_section
from components.core.base.workspace import WORKSPACE
from components.core.data.artifacts import APPROVAL, RECORDINGS, VERDICT
from components.core.models.addresses import SHIPPED
from components.core.models.model_description import REGISTRY
from components.core.release.listening_result import ListeningResult
from components.core.release.verdict import Approval, Verdict
from components.core.release.version import REFUSED_TAG
from components.core.stores.store import S3
from components.core.tracking import mlflow_runs
from components.shadow.config import ShadowConfig
from pipelines.processes.command import CommandError, run_command
from pipelines.running.flow_runs import retry_outages
from pipelines.running.project_stages import ProjectFolder
from pipelines.server.automations import TAG
from pipelines.server.pause import PauseEndedError, pause_for_input

APPROVAL_FLOW = "ask-for-approval"
"""The flow that pauses."""

_NOT_BLANK = r"\S"
_TAG_LENGTH = 4900  # characters; MLflow refuses longer tags


class NotApprovedError(Exception):
    """The version was not approved; the message says who refused it and why, or that nobody answered."""


class RefusedError(NotApprovedError):
    """A person refused the version: `by` is their name, `why` their reason."""

    def __init__(self, by: str, why: str) -> None:
        super().__init__(f"was refused by {by}: {why}")
        self.by, self.why = by, why


class WithdrawnError(NotApprovedError):
    """Somebody cancelled the question."""


class ApprovalForm(RunInput):
    """The form that Prefect's UI shows."""

    approve: bool = Field(description="Shall this version go live?")
    by: str = Field(pattern=_NOT_BLANK, description="Your name, for the journal.")
    why: str = Field(pattern=_NOT_BLANK, description="Your reason, for the journal.")
    answers: str = Field("", description="The line of answers that the listening page shows; may be empty.")


def require_server() -> None:
    """Raise UserError unless a Prefect server outlives the run; without one nobody can answer."""
    if not os.environ.get("PREFECT_API_URL"):
        raise UserError(
            "an approval is given in Prefect's UI, which needs a server: start one with `prefect server start`, then "
            "set PREFECT_API_URL=http://127.0.0.1:4200/api"
        )


def approve(project: ProjectFolder, verdict: Verdict) -> None:
    """Ask a person to listen and answer; write a yes to approval.json beside the verdict. Raises NotApprovedError.

    A no becomes a tag of the version, which the gate reads: else the next run would ask about the same version again.
    """
    APPROVAL.below(project.workspace).unlink(missing_ok=True)
    config = load_section("shadow", ShadowConfig, project.params)
    folder = _make_listening_page(project, verdict, config)
    try:
        approval = ask_person(project, verdict, folder, datetime.now(UTC) + timedelta(hours=config.wait_hours))
    except RefusedError as refusal:
        tag = f"{refusal.by}: {refusal.why}"[:_TAG_LENGTH]
        retry_outages(lambda: _tag_as_refused(verdict, tag))
        raise
    approval.write(project.workspace / VERDICT.writer)


def _tag_as_refused(verdict: Verdict, tag: str) -> None:
    mlflow_runs.connect().set_model_version_tag(verdict.name, str(verdict.version), REFUSED_TAG, tag)


def ask_person(project: ProjectFolder, verdict: Verdict, folder: Path, until: datetime) -> Approval:
    """Return the approval that a nested flow run asks for; raises NotApprovedError for any other answer.

    Raises Outage when a server did not answer for so long that the question was lost.
    """
    answers: list[Approval | NotApprovedError | Outage] = []

    @flow(name=APPROVAL_FLOW, flow_run_name=f"may version {verdict.version} of {verdict.name} go live?")
    def ask() -> Any:
        try:
            _publish(verdict, folder, until)
            answers.append(_wait_for_approval(project, verdict, folder, until))
        except NotApprovedError as refusal:
            answers.append(refusal)
        except Exception as error:
            reason = outage_reason(error)
            if reason is None:
                raise
            answers.append(Outage(reason))
        return _final_state(answers[0])

    with tags(TAG):  # the server's automations act on runs with this tag
        state: State[Any] = ask(return_state=True)  # type: ignore[assignment]
    if not answers:
        raise CommandError(state.message or f"the flow run of the question ended as {state.name}")
    if isinstance(answers[0], Exception):
        raise answers[0]
    return answers[0]


def _final_state(answer: Approval | NotApprovedError | Outage) -> State[Any]:
    if isinstance(answer, Outage):
        return Failed(message=str(answer))
    if isinstance(answer, WithdrawnError):
        return Cancelled(message=str(answer))
    return Completed(message=str(answer) if isinstance(answer, NotApprovedError) else f"yes, by {answer.by}")


def _make_listening_page(project: ProjectFolder, verdict: Verdict, config: ShadowConfig) -> Path:
    """Make the page with both models' stems; return its folder, which stays when a clone is deleted."""
    folder = (WORKSPACE / "shadow" / f"{verdict.name}-{verdict.version}").resolve()
    champion = f"{REGISTRY}{verdict.name}/{verdict.champion}" if verdict.champion else str(SHIPPED.resolve())
    models = ("--challenger", f"{REGISTRY}{verdict.name}/{verdict.version}", "--champion", champion)
    project.run_step("shadow", *models, "--source", _source(project, config), "--out", str(folder))
    return folder


def _source(project: ProjectFolder, config: ShadowConfig) -> str:
    if config.source.startswith(S3):
        return config.source
    if config.source:
        return str(Path(config.source).resolve())  # relative to the current project, not to a clone
    project.run_step("catalogue")
    return str(RECORDINGS.below(project.workspace).resolve())


def _publish(verdict: Verdict, folder: Path, until: datetime) -> None:
    """Make the question an artifact of the flow run, and log where to answer it."""
    page = (folder / "page" / "index.html").as_uri()
    lines = [
        f"# Version {verdict.version} of {verdict.name} waits for an approval",
        f"The gate let it pass by the rule: {verdict.rule}.",
        *(f"- {text}" for text in verdict.reasons),
        f"Listen: {page} (on {socket.gethostname()}; the folder `page` may be handed to others).",
        f"Then resume this flow run with your answer, until {until:%Y-%m-%d %H:%M} UTC.",
    ]
    create_markdown_artifact("\n\n".join(lines), key="approval", description=f"{verdict.name}/{verdict.version}")
    get_run_logger().info(
        "Version %s waits for an approval until %s UTC. Listen at %s, then resume %s",
        verdict.version, f"{until:%Y-%m-%d %H:%M}", page, url_for("flow-run", flow_run.id),
    )  # fmt: skip


def _wait_for_approval(project: ProjectFolder, verdict: Verdict, folder: Path, until: datetime) -> Approval:
    """Return the approval with the result of the listening; ask again when the answers can't be read."""
    question = f"Version {verdict.version} of {verdict.name}: see the artifact `approval` of this run."
    while True:
        form = _wait_for_form(project, question, until)
        try:
            listening = _unblind(project, folder, form.answers)
        except CommandError as error:
            question = f"Asked again, since the answers could not be read: {error}"
            get_run_logger().warning(question)
            continue
        if not form.approve:
            raise RefusedError(form.by, form.why)
        return Approval(
            name=verdict.name, version=verdict.version, verdict=verdict.digest, by=form.by, why=form.why,
            listening=listening,
        )  # fmt: skip


def _wait_for_form(project: ProjectFolder, question: str, until: datetime) -> ApprovalForm:
    try:
        form = pause_for_input(ApprovalForm.with_initial_data(description=question), until)
    except PauseEndedError as end:
        raise WithdrawnError(_not_live(project, f"the flow run of its question ended as {end}")) from None
    if form is None:
        raise NotApprovedError(_not_live(project, f"nobody answered until {until:%Y-%m-%d %H:%M} UTC"))
    return form


def _not_live(project: ProjectFolder, why: str) -> str:
    commit = run_command(["git", "rev-parse", "HEAD"], folder=project.folder)[-1][:12]
    return f"stays registered and is not live, since {why}: `stemline retrain {commit} --require-approval` asks again"


def _unblind(project: ProjectFolder, folder: Path, answers: str) -> dict[str, Any]:
    """Return the result of the listening; empty without answers."""
    if not answers.strip():
        return {}
    given = folder / "answers.json"
    write_text(given, answers)
    project.run_step("shadow.unblind", str(folder), str(given))
    return ListeningResult.read(folder).model_dump(mode="json")
