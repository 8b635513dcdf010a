"""A person's yes before a version goes live: both models are listened to blind, and the flow waits for the answer.

The wait is Prefect's pause with input (pause.py): the form is in its UI, and whoever fills it in resumes the flow run.
What pauses is a flow run within the retraining's: that one goes on running, since with a pause it would give up the one
slot of its deployment, and be ended when it next says that it still holds it. docs/decisions/0018.
"""

from pipelines.running import prefect_environment  # noqa: F401, I001  (before Prefect, which reads its settings when imported)

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

from components.core.tracking import mlflow_runs
from components.core.data import artifacts
from components.core.release.approval import Approval
from components.core.base.errors import Outage, UserError
from components.core.base.files import write_text
from components.core.models.addresses import SHIPPED
from components.core.models.registry_names import REGISTRY
from components.core.base.params import load_section
from components.core.stores.store import S3
from components.core.release.verdict import Verdict
from components.core.release.version import NOT_APPROVED
from components.core.base.outages import outage_reason
from components.core.base.workspace import WORKSPACE
from components.core.release.listening import Listening
from components.shadow.config import ShadowConfig
from pipelines.server.automations import TAG
from pipelines.running.command import CommandError, run_command
from pipelines.running.retries import patiently
from pipelines.server.pause import Ended, filled_in
from pipelines.running.place import Place

ASK = "ask-for-approval"
"""The flow that waits."""

_SOMETHING = r"\S"
_CHARACTERS = 4900  # of a tag, at most, as MLflow takes them


class NotApproved(Exception):  # noqa: N818
    """Nobody said yes; the message says who said no and why, or that nobody answered."""


class Refused(NotApproved):
    """A person said no: this is `by` whom, and `why`."""

    def __init__(self, by: str, why: str) -> None:
        super().__init__(f"was refused by {by}: {why}")
        self.by, self.why = by, why


class Withdrawn(NotApproved):
    """The question was cancelled."""


class ApprovalForm(RunInput):
    """What a person fills in."""

    approve: bool = Field(description="Shall this version go live?")
    by: str = Field(pattern=_SOMETHING, description="Your name, for the journal.")
    why: str = Field(pattern=_SOMETHING, description="Your reason, for the journal.")
    answers: str = Field("", description="The answers of the listening page, as it gives them out; may be empty.")


def require_server() -> None:
    """Raise UserError without a Prefect server that outlives the run: nobody could answer."""
    if not os.environ.get("PREFECT_API_URL"):
        raise UserError(
            "an approval is given in Prefect's UI, which needs a server: start one with `prefect server start`, then "
            "set PREFECT_API_URL=http://127.0.0.1:4200/api"
        )


def approve(place: Place, verdict: Verdict) -> None:
    """Have a person listen and answer, and write a yes to `approval.json` beside the verdict; raises NotApproved.

    A no is written to the registry, for the gate: else the next run would judge the same version, and ask again.
    """
    artifacts.APPROVAL.below(place.workspace).unlink(missing_ok=True)
    config = load_section("shadow", ShadowConfig, place.folder / "params.yaml")
    folder = _listened_to(place, verdict, config)
    try:
        approval = _asked_for(place, verdict, folder, datetime.now(UTC) + timedelta(hours=config.wait_hours))
    except Refused as no:
        said = f"{no.by}: {no.why}"[:_CHARACTERS]
        patiently(lambda: _tag(verdict, said))
        raise
    approval.write(place.workspace / "gate")


def _tag(verdict: Verdict, said: str) -> None:
    mlflow_runs.connect().set_model_version_tag(verdict.name, str(verdict.version), NOT_APPROVED, said)


def _asked_for(place: Place, verdict: Verdict, folder: Path, until: datetime) -> Approval:
    """Return a person's yes, asked for by a flow run within this one; raises NotApproved for anything else.

    Raises Away where a server did not answer for so long that the question could not go on.
    """
    said: list[Approval | NotApproved | Outage] = []

    @flow(name=ASK, flow_run_name=f"may version {verdict.version} of {verdict.name} go live?")
    def ask() -> Any:
        try:
            _publish(verdict, folder, until)
            said.append(_answered(place, verdict, folder, until))
        except NotApproved as refusal:
            said.append(refusal)
        except Exception as error:
            gone = outage_reason(error)
            if gone is None:
                raise
            said.append(Outage(gone))
        return _end_of(said[0])

    with tags(TAG):  # so that the server's automations know it as ours
        state: State[Any] = ask(return_state=True)  # type: ignore[assignment]
    if not said:
        raise CommandError(state.message or f"the question ended as {state.name}")
    if isinstance(said[0], Exception):
        raise said[0]
    return said[0]


def _end_of(said: Approval | NotApproved | Outage) -> State[Any]:
    """Return how the question's own run ends."""
    if isinstance(said, Outage):
        return Failed(message=str(said))
    if isinstance(said, Withdrawn):
        return Cancelled(message=str(said))
    return Completed(message=str(said) if isinstance(said, NotApproved) else f"yes, by {said.by}")


def _listened_to(place: Place, verdict: Verdict, config: ShadowConfig) -> Path:
    """Make the page with both models' stems; return its folder, which outlives a clone."""
    folder = (WORKSPACE / "shadow" / f"{verdict.name}-{verdict.version}").resolve()
    champion = f"{REGISTRY}{verdict.name}/{verdict.champion}" if verdict.champion else str(SHIPPED.resolve())
    models = ("--challenger", f"{REGISTRY}{verdict.name}/{verdict.version}", "--champion", champion)
    place.run_step("shadow", *models, "--source", _source(place, config), "--out", str(folder))
    return folder


def _source(place: Place, config: ShadowConfig) -> str:
    if config.source.startswith(S3):
        return config.source
    if config.source:
        return str(Path(config.source).resolve())  # of the project, not of a clone
    place.run_step("catalogue")
    return str((place.workspace / "catalogue").resolve())


def _publish(verdict: Verdict, folder: Path, until: datetime) -> None:
    """Make the question an artifact of the flow run, and say where it is answered."""
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


def _answered(place: Place, verdict: Verdict, folder: Path, until: datetime) -> Approval:
    """Return the yes with what the listening gave; answers that cannot be read are asked for again."""
    words = f"Version {verdict.version} of {verdict.name}: see the artifact `approval` of this run."
    while True:
        form = _asked(place, words, until)
        try:
            listening = _unblinded(place, folder, form.answers)
        except CommandError as error:
            words = f"Asked again, since the answers could not be read: {error}"
            get_run_logger().warning(words)
            continue
        if not form.approve:
            raise Refused(form.by, form.why)
        return Approval(
            name=verdict.name,
            version=verdict.version,
            verdict=verdict.digest,
            by=form.by,
            why=form.why,
            listening=listening,
        )


def _asked(place: Place, words: str, until: datetime) -> ApprovalForm:
    try:
        form = filled_in(ApprovalForm.with_initial_data(description=words), until)
    except Ended as end:
        raise Withdrawn(_not_live(place, f"its question ended as {end}")) from None
    if form is None:
        raise NotApproved(_not_live(place, f"nobody answered until {until:%Y-%m-%d %H:%M} UTC"))
    return form


def _not_live(place: Place, why: str) -> str:
    commit = run_command(["git", "rev-parse", "HEAD"], lambda line: None, folder=place.folder)[-1][:12]
    return f"stays registered and is not live, since {why}: `stemline retrain {commit} --require-approval` asks again"


def _unblinded(place: Place, folder: Path, answers: str) -> dict[str, Any]:
    """Return what the listening gave; nothing where no answers are given."""
    if not answers.strip():
        return {}
    given = folder / "answers.json"
    write_text(given, answers)
    place.run_step("shadow.unblind", str(folder), str(given))
    return Listening.read(folder).model_dump(mode="json")
