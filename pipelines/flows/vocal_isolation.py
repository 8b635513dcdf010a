"""The whole way: data, training, scores, registry, gate, promotion, and the separation of a catalogue.

`python -m pipelines.flows.vocal_isolation [SOURCE [DESTINATION]]` runs it, as `stemline run` does.
"""

from pipelines.running import prefect_environment  # noqa: F401, I001  (before Prefect, which reads its settings when imported)

import os
import sys
from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed

from components.core.base.errors import UserError
from components.core.release.verdict import Verdict
from components.core.base.workspace import WORKSPACE
from pipelines.judging.registry_repair import settle
from pipelines.judging.champion import live_version
from pipelines.running.command import CommandError, one_line
from pipelines.server.drift import QUARANTINED, tell_of_drift
from pipelines.running.flow_failure import failed
from pipelines.running.guard import guard_this_process
from pipelines.judging.judgement import champion_alias, register_and_judge, registered
from pipelines.running.retries import patiently
from pipelines.running.place import HERE
from pipelines.running.stages import bring_up_to_date

CATALOGUE = WORKSPACE / "catalogue"
STEMS = WORKSPACE / "separate"


def _run_name() -> str:
    return f"train, judge, separate {runtime.flow_run.parameters.get('source') or 'a few held-back songs'}"


@flow(name="vocal-isolation", flow_run_name=_run_name)
def vocal_isolation(source: str = "", destination: str = str(STEMS)) -> Any:
    """Bring the model up to date, and separate a catalogue with the champion.

    Args:
        source: The recordings: a file, a folder, or s3://bucket/folder. Left empty, a few held-back ones.
        destination: A folder or s3://bucket/folder for the stems.
    """
    try:
        patiently(train_and_judge)
        separate_catalogue(source, destination)
    except Exception as error:
        return failed(error)
    return Completed()


def train_and_judge() -> None:
    """Stages, registration, gate, promotion."""
    settle(HERE)
    bring_up_to_date(HERE)
    if register_and_judge(HERE):
        HERE.run_step("promote")


def separate_catalogue(source: str, destination: str) -> None:
    """Separate with the champion, and make the page that shows the result."""
    if not source:
        HERE.run_step("catalogue")
    _require_champion()
    # recordings in quarantine are in the account, and no reason to fail
    HERE.run_step("separate", source or str(CATALOGUE), destination, fine=(0, QUARANTINED))
    if os.environ.get("PREFECT_API_URL"):
        patiently(lambda: tell_of_drift(destination))
    HERE.run_step("report", "--catalogue", destination)


def _require_champion() -> None:
    name = registered(HERE).name
    if patiently(lambda: live_version(name, champion_alias(HERE))) is None:
        verdict = Verdict.read(WORKSPACE / "gate")
        raise UserError(
            f"version {verdict.version} was refused by the gate, and there is no champion to separate with: "
            f"{'; '.join(verdict.reasons)} (train longer or on more data, or change `gate` in params.yaml)"
        )


def run(source: str = "", destination: str = str(STEMS)) -> None:
    """Run the flow; raises CommandError, with one line, when it fails."""
    guard_this_process()
    state: State[Any] = vocal_isolation(source, destination, return_state=True)  # type: ignore[assignment]
    if not state.is_completed():
        raise CommandError(state.message or f"the flow ended as {state.name}")


if __name__ == "__main__":
    sys.exit(one_line(lambda: run(*sys.argv[1:])))
