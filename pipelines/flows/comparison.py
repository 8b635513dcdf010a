"""Every system trained on the same data, scored on the same tracks, and put in one table.

Each is a `dvc repro` in a clone of the project, so DVC keeps what it made and repeats nothing, and an experiment of the
project (`dvc exp show`), so every cell of the table can be traced and made again. A model that was not trained here
takes the place of a training's result in the clone, and is scored by the same stage; it is no experiment.
"""

from pipelines.running import prefect_environment  # noqa: F401, I001  (before Prefect, which reads its settings when imported)

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout
from prefect import flow, get_run_logger, runtime
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from components.cache.config import CacheConfig
from components.compare.config import CompareConfig
from components.core.base.errors import UserError
from components.core.base.files import write_json
from components.core.base.params import load_section
from components.core.base.workspace import WORKSPACE
from pipelines.running.checkout import Checkout, checked_out
from pipelines.running.command import CommandError
from pipelines.running.flow_failure import failed
from pipelines.running.guard import guard_this_process
from pipelines.running.retries import patiently
from pipelines.running.place import STAGES
from pipelines.running.tasks import carry_out

OUT = WORKSPACE / "compare"
SYSTEMS = "systems"
_PLAN = "plan.json"
_FEWEST_TRACKS = 2  # that a difference can be seen on
_KEPT = ("evaluate", "train/model", "train/run.json")


def _run_name() -> str:
    chosen = runtime.flow_run.parameters
    systems = {"": ["all systems"], "none": []}.get(chosen.get("systems", ""), [chosen.get("systems")])
    models = [text.partition("=")[0] for text in chosen.get("models") or []]
    return f"compare {', '.join([*systems, *models])}{', small' if chosen.get('small') else ''}"


@flow(name="compare", flow_run_name=_run_name)
def compare(
    systems: str = "",
    post: str = "mask,mwf",
    dataset: list[str] | None = None,
    tracks: int = 0,
    steps: int = 0,
    small: bool = False,
    scores: list[str] | None = None,
    models: list[str] | None = None,
) -> Any:
    """Train, score and compare systems.

    Args:
        systems: Names, separated by commas; left empty, all that the usual data sets serve (`stemline systems`); none.
        post: Ways from estimates to stems: mask, mwf, or both with a comma between.
        dataset: Data sets to acquire, in place of those in params.yaml.
        tracks: Score on so many test tracks; 0 for all.
        steps: Train for so many steps; 0 for as many as the recipe says.
        small: Small networks, trained in a minute or two each.
        scores: Results of others, NAME=FOLDER with museval's JSON files in it.
        models: Models that were not trained here, NAME=FOLDER or NAME=models:/NAME@ALIAS.
    """
    named = [text for option, given in (("--scores", scores), ("--models", models)) for text in _each(option, given)]
    try:
        with alone():
            jobs = _planned(["--systems", systems, "--post", post, *named], tracks, steps, small)
            problems = _made(jobs, [f"acquire.datasets={json.dumps(dataset)}"] if dataset else [], small)
            problems += _gather(_each("--scores", scores))
    except Exception as error:
        return failed(error)
    if problems:
        return Failed(message=f"the table is made, without what failed: {'; '.join(problems)}")
    return Completed()


def run(**parameters: Any) -> None:
    """Run the flow; raises CommandError, with one line, when it fails."""
    guard_this_process()
    state: State[Any] = compare(**parameters, return_state=True)  # type: ignore[assignment]
    if not state.is_completed():
        raise CommandError(state.message or f"the flow ended as {state.name}")


@contextmanager
def alone() -> Iterator[None]:
    """Keep the folder of results to this comparison; raises UserError while another one has it."""
    OUT.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(OUT / ".lock", timeout=0):
            yield
    except Timeout:
        raise UserError(
            f"another comparison is writing to {OUT}: wait for its end, or compare in another clone of the project"
        ) from None


def _planned(options: list[str], tracks: int, steps: int, small: bool) -> list[dict[str, Any]]:
    sound = load_section("cache", CacheConfig)
    numbers = ["--rate", str(sound.rate), "--channels", str(sound.channels), "--tracks", str(tracks)]
    reference = load_section("compare", CompareConfig).reference
    options = [*options, *(["--reference", reference] if reference else [])]
    numbers += ["--steps", str(steps), *(["--small"] if small else [])]
    command = [sys.executable, "-m", "components.compare.plan", "--out", str(OUT / _PLAN), *options, *numbers]
    carry_out("plan", command)
    jobs: list[dict[str, Any]] = json.loads((OUT / _PLAN).read_text(encoding="utf-8"))
    return jobs


def _made(jobs: list[dict[str, Any]], assignments: list[str], small: bool) -> list[str]:
    """Train and score every system, and measure what it costs; return what failed, each in a line with its reason."""
    problems: list[str] = []
    scored: set[frozenset[str]] = set()
    common = {name: json.loads(value) for name, value in (text.split("=", 1) for text in assignments)}
    shutil.rmtree(OUT / SYSTEMS, ignore_errors=True)
    with checked_out(with_changes=True) as checkout:
        checkout.set_parameters({**common, **jobs[0]["parameters"]})
        checkout.reproduce("acquire")
        if warning := few_tracks(checkout.workspace / "acquire", jobs[0]["parameters"].get("evaluate.tracks", 0)):
            get_run_logger().warning(warning)
        for number, job in enumerate(jobs, start=1):
            get_run_logger().info("%s: %d of %d systems", job["title"], number, len(jobs))
            stems = frozenset(job["stems"])
            checkout.set_parameters({**common, **job["parameters"], **({} if stems in scored else job["oracles"])})
            failure = failure_of(job["name"], partial(_make, checkout, job, small))
            if failure is None:
                scored.add(stems)
                failure = failure_of(job["name"], partial(_measure, job))
            problems += [failure] if failure else []
    if not scored:
        raise CommandError(f"no system could be scored: {'; '.join(problems)}")
    return problems


def few_tracks(acquired: Path, wanted: int) -> str:
    """Return a line where the data, or the `wanted` tracks of it (0: all), are too few for statistics, else nothing."""
    there = json.loads((acquired / "summary.json").read_text(encoding="utf-8"))["tracks"]["test"]
    if min(there, wanted or there) >= _FEWEST_TRACKS:
        return ""
    cure = "--dataset musdb18-7s has more" if there < _FEWEST_TRACKS else "--tracks can be more"
    return f"fewer than two test tracks: there will be scores, but no intervals or tests of differences; {cure}"


def failure_of(name: str, work: Callable[[], None]) -> str | None:
    """Do the work; return, and log, why it could not be done, in a line that names the system."""
    try:
        work()
    except CommandError as error:
        failure = f"{name}: {str(error).removeprefix(f'{name}: ')}"
        get_run_logger().warning(failure)
        return failure
    return None


def _make(checkout: Checkout, job: dict[str, Any], small: bool) -> None:
    if "model" in job:
        _score(checkout, job)
    else:
        _train_and_score(checkout, job, small)
    _keep(checkout, job)


def _train_and_score(checkout: Checkout, job: dict[str, Any], small: bool) -> None:
    for stage in STAGES:
        checkout.reproduce(stage, f"{job['name']}: {stage}")
    checkout.save_experiment(f"compare-{'small-' if small else ''}{job['name']}")


def _score(checkout: Checkout, job: dict[str, Any]) -> None:
    """Score a model that was not trained here, in the place where a training would have left its own.

    DVC finds a training's own result in its cache when that is wanted next.
    """
    name, place = job["name"], checkout.workspace / "train"
    checkout.reproduce("acquire", f"{name}: acquire")
    shutil.rmtree(place / "model", ignore_errors=True)
    shutil.copytree(job["model"], place / "model")
    run = [sys.executable, "-m", "components.compare.systems.pretrained_mlflow_run", "--name", name]
    carry_out(f"{name}: run", [*run, "--model", str(place / "model"), "--out", str(place)])
    checkout.reproduce("evaluate", f"{name}: evaluate")


def _keep(checkout: Checkout, job: dict[str, Any]) -> None:
    """Copy what was made of a system beside that of the others."""
    folder = OUT / SYSTEMS / job["name"]
    folder.mkdir(parents=True, exist_ok=True)
    for kept in _KEPT:
        made = checkout.workspace / kept
        if made.is_dir():
            shutil.copytree(made, folder / made.name, dirs_exist_ok=True)
        else:
            shutil.copyfile(made, folder / made.name)
    said = {key: job[key] for key in ("title", "parameters", "origin") if key in job}
    write_json(folder / "system.json", said if "model" in job else said | {"recipe": _recipe(checkout)})


def _recipe(checkout: Checkout) -> dict[str, Any]:
    """Return how much the training saw: it may have ended before the steps that the parameters grant it."""
    section = yaml.safe_load((checkout.folder / "params.yaml").read_text(encoding="utf-8"))["train"]
    last = (checkout.workspace / "train" / "curves.csv").read_text(encoding="utf-8").splitlines()[-1]
    sizes = {name: section[name] for name in ("batch", "crop_seconds") if name in section}
    return {"steps": int(float(last.partition(",")[0])), **sizes}


def _measure(job: dict[str, Any]) -> None:
    name, folder = job["name"], OUT / SYSTEMS / job["name"]
    costs = [sys.executable, "-m", "components.compare.systems.costs"]
    carry_out(f"{name}: costs", [*costs, "--model", str(folder / "model"), "--out", str(folder / "costs.json")])


def _gather(scores: list[str]) -> list[str]:
    """Make the table; return which scores of others are not in it, each in a line with its reason."""
    carry_out("compare", [sys.executable, "-m", "components.compare", "--out", str(OUT), *scores])
    table = OUT / "comparison.md"
    if table.is_file():
        patiently(lambda: _publish(table))
    summary = OUT / "summary.json"
    failed = json.loads(summary.read_text(encoding="utf-8"))["failed"] if summary.is_file() else {}
    return [f"{name}: {reason}" for name, reason in failed.items()]


def _publish(table: Path) -> None:
    create_markdown_artifact(table.read_text(encoding="utf-8"), key="comparison", description="All systems")


def _each(option: str, values: list[str] | None) -> list[str]:
    return [text for value in values or () for text in (option, value)]
