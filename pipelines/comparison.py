"""Every system trained on the same data, scored on the same tracks, and put in one table.

Each is a `dvc repro` in a clone of the project, so DVC keeps what it made and repeats nothing, and an experiment of the
project (`dvc exp show`), so every cell of the table can be traced and made again.
"""

from pipelines import environment  # noqa: F401, I001  (before Prefect, which reads its settings when imported)

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, runtime
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from components.core.files import write_json
from components.core.workspace import WORKSPACE
from pipelines.checkout import Checkout, checked_out
from pipelines.command import CommandError
from pipelines.failure import failed
from pipelines.guard import guard_this_process
from pipelines.place import STAGES
from pipelines.tasks import carry_out

OUT = WORKSPACE / "compare"
SYSTEMS = "systems"
_PLAN = "plan.json"
_KEPT = ("evaluate", "train/model", "train/run.json")


def _run_name() -> str:
    chosen = runtime.flow_run.parameters
    return f"compare {chosen.get('systems') or 'all systems'}{', small' if chosen.get('small') else ''}"


@flow(name="compare", flow_run_name=_run_name)
def compare(
    systems: str = "",
    post: str = "mask,mwf",
    dataset: list[str] | None = None,
    tracks: int = 0,
    steps: int = 0,
    small: bool = False,
    scores: list[str] | None = None,
) -> Any:
    """Train, score and compare systems.

    Args:
        systems: Names, separated by commas; left empty, all that the usual data sets serve (`stemline systems`).
        post: Ways from estimates to stems: mask, mwf, or both with a comma between.
        dataset: Data sets to acquire, in place of those in params.yaml.
        tracks: Score on so many test tracks; 0 for all.
        steps: Train for so many steps; 0 for as many as the recipe says.
        small: Small networks, trained in a minute or two each.
        scores: Results of others, NAME=FOLDER with museval's JSON files in it.
    """
    try:
        jobs = _planned(["--systems", systems, "--post", post], tracks, steps, small)
        missing = _made(jobs, [f"acquire.datasets={json.dumps(dataset)}"] if dataset else [], small)
        _gather(scores or [])
    except Exception as error:
        return failed(error)
    if missing:
        return Failed(message=f"the table is made, without {', '.join(missing)}: see above why")
    return Completed()


def run(**parameters: Any) -> None:
    """Run the flow; raises CommandError, with one line, when it fails."""
    guard_this_process()
    state: State[Any] = compare(**parameters, return_state=True)  # type: ignore[assignment]
    if not state.is_completed():
        raise CommandError(state.message or f"the flow ended as {state.name}")


def _planned(options: list[str], tracks: int, steps: int, small: bool) -> list[dict[str, Any]]:
    numbers = ["--tracks", str(tracks), "--steps", str(steps), *(["--small"] if small else [])]
    command = [sys.executable, "-m", "components.compare.plan", "--out", str(OUT / _PLAN), *options, *numbers]
    carry_out("plan", command)
    jobs: list[dict[str, Any]] = json.loads((OUT / _PLAN).read_text(encoding="utf-8"))
    return jobs


def _made(jobs: list[dict[str, Any]], assignments: list[str], small: bool) -> list[str]:
    """Train and score every system; return the names of those that could not be."""
    logger = get_run_logger()
    missing = []
    common = {name: json.loads(value) for name, value in (text.split("=", 1) for text in assignments)}
    shutil.rmtree(OUT / SYSTEMS, ignore_errors=True)
    with checked_out(with_changes=True) as checkout:
        for number, job in enumerate(jobs, start=1):
            logger.info("%s: %d of %d systems", job["title"], number, len(jobs))
            try:
                _make(checkout, job, common, small)
            except CommandError as error:
                missing.append(job["name"])
                logger.warning("%s is left out: %s", job["name"], error)
    if len(missing) == len(jobs):
        raise CommandError("no system could be trained and scored: see above why")
    return missing


def _make(checkout: Checkout, job: dict[str, Any], common: dict[str, object], small: bool) -> None:
    name = job["name"]
    checkout.set_parameters({**common, **job["parameters"]})
    for stage in STAGES:
        checkout.reproduce(stage, f"{name}: {stage}")
    checkout.save_experiment(f"compare-{'small-' if small else ''}{name}")
    folder = OUT / SYSTEMS / name
    folder.mkdir(parents=True, exist_ok=True)
    for kept in _KEPT:
        made = checkout.workspace / kept
        if made.is_dir():
            shutil.copytree(made, folder / made.name, dirs_exist_ok=True)
        else:
            shutil.copyfile(made, folder / made.name)
    write_json(folder / "system.json", {"title": job["title"], "parameters": job["parameters"]})
    costs = [sys.executable, "-m", "components.compare.costs"]
    carry_out(f"{name}: costs", [*costs, "--model", str(folder / "model"), "--out", str(folder / "costs.json")])


def _gather(scores: list[str]) -> None:
    given = [text for item in scores for text in ("--scores", item)]
    carry_out("compare", [sys.executable, "-m", "components.compare", "--out", str(OUT), *given])
    table = OUT / "comparison.md"
    if table.is_file():
        create_markdown_artifact(Path(table).read_text(encoding="utf-8"), key="comparison", description="All systems")
