"""The whole pipeline: data, training, scores, registry, gate, promotion, and the separation of a catalogue.

`stemline run` runs it; without the command line `python -m pipelines.flows.vocal_isolation [SOURCE [DESTINATION]]`.
"""

import os
import sys
from typing import Any

from prefect import flow, runtime
from prefect.states import Completed

from components.core.base.errors import UserError
from components.core.base.exit_codes import ExitCode
from components.core.base.workspace import WORKSPACE
from components.core.data.artifacts import RECORDINGS, VERDICT
from components.core.models.model_description import REGISTRY
from components.core.release.registry_sections import is_demonstration
from components.core.release.verdict import Verdict
from pipelines.judging.registration_and_gate import (
    champion_alias,
    live_version,
    register_and_judge,
    registered_version,
    repair_registry,
)
from pipelines.processes.command import run_to_exit_code
from pipelines.running.flow_runs import failed_state, retry_outages, run_flow
from pipelines.running.project_stages import CURRENT_PROJECT
from pipelines.server.events import send_drift_event

STEMS = WORKSPACE / "separate"


def _run_name() -> str:
    return f"train, judge, separate {runtime.flow_run.parameters.get('source') or 'a few held-back songs'}"


@flow(name="vocal-isolation", flow_run_name=_run_name)
def vocal_isolation(source: str | None = None, destination: str = str(STEMS)) -> Any:
    """Bring the model up to date, and separate a catalogue with the champion.

    Args:
        source: The recordings: a file, a folder, or s3://bucket/folder. Left empty, a few held-back ones.
        destination: A folder or s3://bucket/folder for the stems.
    """
    try:
        retry_outages(train_and_judge)
        separate_catalogue(source, destination)
    except Exception as error:
        return failed_state(error)
    return Completed()


def train_and_judge() -> None:
    """Run the stages, register the model, and promote it if the gate lets it pass."""
    repair_registry(CURRENT_PROJECT)
    CURRENT_PROJECT.reproduce_all()
    if register_and_judge(CURRENT_PROJECT):
        CURRENT_PROJECT.run_step("promote")


def separate_catalogue(source: str | None, destination: str) -> None:
    """Separate with the model in use, or with the demonstration's champion, and write the report with the results."""
    if not source:
        CURRENT_PROJECT.run_step("catalogue")
    model = demonstration_options() if is_demonstration(CURRENT_PROJECT.params) else ()
    recordings = source or str(RECORDINGS.below(WORKSPACE))
    # recordings in quarantine are listed in the results; the run goes on
    accepted = (0, ExitCode.SOME_QUARANTINED)
    CURRENT_PROJECT.run_step("separate", recordings, destination, *model, accepted_codes=accepted)
    if os.environ.get("PREFECT_API_URL"):
        retry_outages(lambda: send_drift_event(destination))
    CURRENT_PROJECT.run_step("report", "--catalogue", destination)


def demonstration_options() -> tuple[str, str]:
    """Return the options by which `separate` takes the demonstration's champion; raises UserError without one."""
    name, alias = registered_version(CURRENT_PROJECT).name, champion_alias(CURRENT_PROJECT)
    if retry_outages(lambda: live_version(name, alias)) is None:
        verdict = Verdict.read(WORKSPACE / VERDICT.writer)
        raise UserError(
            f"version {verdict.version} was refused by the gate, and there is no champion to separate with: "
            f"{'; '.join(verdict.reasons)} (train longer or on more data, or change `gate` in params.yaml)"
        )
    return "--model", f"{REGISTRY}{name}@{alias}"


def run(source: str | None = None, destination: str = str(STEMS)) -> None:
    """Run the flow in this process; raises CommandError, with one line, when it fails."""
    run_flow(vocal_isolation, source=source, destination=destination)


if __name__ == "__main__":
    sys.exit(run_to_exit_code(lambda: run(*sys.argv[1:])))
