"""The comparison: every system trained on the same data, scored on the same tracks, and put in one table.

Each training is a `dvc repro` in a clone of the project, so DVC keeps its results and repeats nothing. It is also an
experiment of the project (`dvc exp show`), so every cell of the table can be traced and made again. A model that was
not trained here takes the place of a training's result in the clone, and the same stage scores it; it is no experiment.
"""

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout
from prefect import flow, get_run_logger, runtime
from prefect.artifacts import create_markdown_artifact
from prefect.states import Completed, Failed

from components.cache.config import CacheConfig
from components.compare.config import CompareConfig
from components.core.base.errors import UserError
from components.core.base.params import load_section
from components.core.base.section_options import as_arguments
from components.core.base.workspace import WORKSPACE
from components.core.data.artifacts import (
    ACQUIRE_SUMMARY,
    COMPARED_SYSTEMS,
    COMPARISON_TEXT,
    CURVES,
    MODEL,
    RUN,
    SCORES,
)
from components.core.data.comparison_documents import ComparisonSummary, Job, Plan, Recipe, SystemDescription
from components.core.data.data_problems import AcquireSummary
from pipelines.processes.command import CommandError
from pipelines.processes.dvc import STAGES
from pipelines.running.checkout import Checkout, open_checkout
from pipelines.running.flow_runs import failed_state, retry_outages, run_flow
from pipelines.running.tasks import run_as_task

OUT = WORKSPACE / "compare"
_FEWEST_TRACKS = 2  # statistics need at least two


def _run_name() -> str:
    chosen = runtime.flow_run.parameters
    systems = [] if chosen.get("only_models") else [chosen.get("systems") or "all systems"]
    models = [text.partition("=")[0] for text in chosen.get("models") or []]
    return f"compare {', '.join([*systems, *models])}{', small' if chosen.get('small') else ''}"


@flow(name="compare", flow_run_name=_run_name)
def compare(
    systems: str | None = None,
    only_models: bool = False,
    post: str = "mask,mwf",
    dataset: list[str] | None = None,
    tracks: int | None = None,
    steps: int | None = None,
    small: bool = False,
    scores: list[str] | None = None,
    models: list[str] | None = None,
    parameters: dict[str, Any] | None = None,
) -> Any:
    """Train, score and compare systems.

    Args:
        systems: Names, separated by commas; empty: all systems that the usual data sets suit (`stemline systems`).
        only_models: Compare no systems, only the models that `models` names.
        post: Post-processing of the estimates: mask, mwf, or both with a comma between.
        dataset: Data sets to acquire, in place of those in params.yaml.
        tracks: How many test tracks to score; empty: all.
        steps: How many steps to train; empty: as in the recipe.
        small: Small networks, trained in a minute or two each.
        scores: Scores of others, NAME=FOLDER with museval's JSON files.
        models: Models that were not trained here, NAME=FOLDER or NAME=models:/NAME@ALIAS.
        parameters: Values that differ from params.yaml and from the recipes, e.g. {"train.batch": 4}.
    """
    common = {**({"acquire.datasets": dataset} if dataset else {}), **(parameters or {})}
    try:
        with lock_results():
            options: dict[str, Any] = {
                "systems": systems, "only_models": only_models, "post": post, "tracks": tracks, "steps": steps,
                "small": small, "scores": scores, "models": models,
            }  # fmt: skip
            jobs = _plan(as_arguments({name: value for name, value in options.items() if value}))
            problems = _run_jobs(jobs, common, small)
            problems += make_table(as_arguments({"scores": scores or []}))
    except Exception as error:
        return failed_state(error)
    if problems:
        return Failed(message=f"the table is made, without what failed: {'; '.join(problems)}")
    return Completed()


def run(**parameters: Any) -> None:
    """Run the flow in this process; raises CommandError, with one line, when it fails."""
    run_flow(compare, **parameters)


@contextmanager
def lock_results() -> Iterator[None]:
    """Lock the folder of results for this comparison; raises UserError while another one uses it."""
    OUT.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(OUT / ".lock", timeout=0):
            yield
    except Timeout:
        raise UserError(
            f"another comparison is writing to {OUT}: wait for its end, or compare in another clone of the project"
        ) from None


def _plan(options: list[str]) -> tuple[Job, ...]:
    """Return the jobs of the comparison, one per system."""
    cache, reference = load_section("cache", CacheConfig), load_section("compare", CompareConfig).reference
    command = [sys.executable, "-m", "components.compare.plan", "--out", str(OUT)]
    command += ["--rate", str(cache.rate), "--channels", str(cache.channels)]
    command += ["--reference", reference] if reference else []
    run_as_task("plan", [*command, *options])
    return Plan.read(OUT).jobs


def _run_jobs(jobs: Sequence[Job], common: Mapping[str, object], small: bool) -> list[str]:
    """Train and score every system and measure its costs; return a line with the reason for each that failed.

    `common` parameters apply to all systems, and win over their recipes.
    """
    problems: list[str] = []
    scored: set[frozenset[str]] = set()
    shutil.rmtree(COMPARED_SYSTEMS.within(OUT), ignore_errors=True)
    with open_checkout(with_changes=True) as checkout:
        checkout.set_parameters({**jobs[0].parameters, **common})
        checkout.reproduce(ACQUIRE_SUMMARY.writer)
        if warning := few_tracks(checkout.workspace, jobs[0].parameters.get("evaluate.tracks")):
            get_run_logger().warning(warning)
        for number, job in enumerate(jobs, start=1):
            get_run_logger().info("%s: %d of %d systems", job.title, number, len(jobs))
            stems = frozenset(job.stems)
            # floor and ceilings depend on the stems alone: the first system with these stems scores them
            checkout.set_parameters({**job.parameters, **({} if stems in scored else job.oracles), **common})
            failure = catch_failure(job.name, partial(_run_job, checkout, job, small))
            if failure is None:
                scored.add(stems)
                failure = catch_failure(job.name, partial(_measure_costs, job))
            problems += [failure] if failure else []
    if not scored:
        raise CommandError(f"no system could be scored: {'; '.join(problems)}")
    return problems


def few_tracks(workspace: Path, wanted: int | None) -> str | None:
    """Return a warning when there are too few test tracks for statistics; `wanted` is their number, None for all."""
    available = AcquireSummary.read_file(ACQUIRE_SUMMARY.below(workspace)).tracks["test"]
    if min(available, wanted or available) >= _FEWEST_TRACKS:
        return None
    remedy = "--dataset musdb18-7s has more" if available < _FEWEST_TRACKS else "--tracks can be more"
    return f"fewer than two test tracks: there will be scores, but no intervals or tests of differences; {remedy}"


def catch_failure(name: str, work: Callable[[], None]) -> str | None:
    """Do the work; if it fails, log the reason in a line that names the system, and return the line."""
    try:
        work()
    except CommandError as error:
        failure = f"{name}: {str(error).removeprefix(f'{name}: ')}"
        get_run_logger().warning(failure)
        return failure
    return None


def _run_job(checkout: Checkout, job: Job, small: bool) -> None:
    if job.model:
        _score_model(checkout, job.name, Path(job.model))
    else:
        for stage in STAGES:
            checkout.reproduce(stage, f"{job.name}: {stage}")
        checkout.save_experiment(f"compare-{'small-' if small else ''}{job.name}")
    _keep_results(checkout, job)


def _score_model(checkout: Checkout, name: str, folder: Path) -> None:
    """Score a model that was not trained here, in the place of a training's result.

    When the training's own result is needed next, DVC takes it from its cache.
    """
    model = MODEL.below(checkout.workspace)
    checkout.reproduce(ACQUIRE_SUMMARY.writer, f"{name}: {ACQUIRE_SUMMARY.writer}")
    shutil.rmtree(model, ignore_errors=True)
    shutil.copytree(folder, model)
    command = [sys.executable, "-m", "components.compare.systems.pretrained_models", "--name", name]
    run_as_task(f"{name}: run", [*command, "--model", str(model), "--out", str(model.parent)])
    checkout.reproduce(SCORES.writer, f"{name}: {SCORES.writer}")


def _keep_results(checkout: Checkout, job: Job) -> None:
    """Copy the results of a system to the folder of all systems."""
    folder = COMPARED_SYSTEMS.within(OUT) / job.name
    shutil.copytree(checkout.workspace / SCORES.writer, folder / SCORES.writer, dirs_exist_ok=True)
    shutil.copytree(MODEL.below(checkout.workspace), MODEL.within(folder), dirs_exist_ok=True)
    shutil.copyfile(RUN.below(checkout.workspace), RUN.within(folder))
    recipe = None if job.model else _read_recipe(checkout)
    SystemDescription(title=job.title, parameters=job.parameters, origin=job.origin, recipe=recipe).write(folder)


def _read_recipe(checkout: Checkout) -> Recipe:
    """Return the amount of music that the training saw; it may have stopped before the last step allowed."""
    section = yaml.safe_load(checkout.params.read_text(encoding="utf-8"))["train"]
    last = CURVES.below(checkout.workspace).read_text(encoding="utf-8").splitlines()[-1]
    steps = int(float(last.partition(",")[0]))
    return Recipe(steps=steps, batch=section.get("batch"), crop_seconds=section.get("crop_seconds"))


def _measure_costs(job: Job) -> None:
    folder = COMPARED_SYSTEMS.within(OUT) / job.name
    command = [sys.executable, "-m", "components.compare.systems.costs"]
    run_as_task(f"{job.name}: costs", [*command, "--model", str(MODEL.within(folder)), "--out", str(folder)])


def make_table(scores: list[str]) -> list[str]:
    """Make the table; return a line with the reason for each of the others' scores that is not in it."""
    run_as_task("compare", [sys.executable, "-m", "components.compare", "--out", str(OUT), *scores])
    table = COMPARISON_TEXT.within(OUT)
    if table.is_file():
        retry_outages(lambda: _publish(table))
    return [f"{name}: {reason}" for name, reason in ComparisonSummary.read(OUT).failed.items()]


def _publish(table: Path) -> None:
    create_markdown_artifact(table.read_text(encoding="utf-8"), key="comparison", description="All systems")
