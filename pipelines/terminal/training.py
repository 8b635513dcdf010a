"""The verbs that train: `run`, `retrain`, `compare` and `systems`.

Flows are imported when they run: they import Prefect, which takes seconds.
"""

import sys
from functools import partial
from typing import Annotated, Any

import typer

from components.compare.config import CompareOptions
from components.core.base.params import parse_section
from components.core.base.section_options import given_options, with_options
from components.core.base.workspace import WORKSPACE
from pipelines.processes.command import run_command
from pipelines.running.commits import require_repository, require_valid_commit, resolve_commit
from pipelines.terminal.module_launch import exec_module
from pipelines.terminal.parameters import Assignments, read_assignments, require_valid_parameters, write_parameters


def run(
    source: Annotated[
        str | None, typer.Argument(help="What to separate at the end [default: a few held-back songs]")
    ] = None,
    destination: Annotated[str, typer.Argument(help="Folder or s3://bucket/folder for the stems.")] = str(
        WORKSPACE / "separate"
    ),
    dataset: Annotated[
        list[str] | None,
        typer.Option("--dataset", "-d", help="demo, musdb18-7s, musdb18, musdb18-hq or folder. Repeatable."),
    ] = None,
    assignments: Assignments = None,
) -> None:
    """Train, judge and promote a model here, then separate a few recordings with the model in use.

    Whatever is up to date is skipped, and an interrupted run goes on. --dataset and --set are written to params.yaml.
    """
    chosen = [*([f"acquire.datasets=[{', '.join(dataset)}]"] if dataset else []), *(assignments or [])]
    require_valid_parameters(read_assignments(chosen))
    require_repository()
    for change in write_parameters(chosen):
        print(f"params.yaml: {change}")
    from pipelines.flows import vocal_isolation
    from pipelines.terminal.summary import print_summary

    vocal_isolation.run(source, destination)
    print_summary(destination)


def retrain(
    commit: Annotated[str, typer.Argument(help="Commit, branch or tag to train at.")] = "HEAD",
    why: Annotated[str, typer.Option(help="The reason, for the name of the run.")] = "asked for",
    assignments: Assignments = None,
    require_approval: Annotated[
        bool, typer.Option("--require-approval", help="Wait until a person has listened and agreed in Prefect's UI.")
    ] = False,
) -> None:
    """Train, judge and promote a model once in a clone of the project, as the schedule does.

    Your own folder is not touched; --set changes a parameter for this training only.
    """
    parameters = read_assignments(assignments or [])
    require_valid_commit(commit, parameters)
    from pipelines.flows import retraining

    retraining.run(commit, why, parameters, require_approval)


@with_options(CompareOptions)
def compare(
    dataset: Annotated[
        list[str] | None, typer.Option("--dataset", "-d", help="Instead of those in params.yaml. Repeatable.")
    ] = None,
    assignments: Assignments = None,
    **options: Any,
) -> None:
    """Train every system on the same data, score all on the same tracks, and put them in one table.

    Trainings and scores that exist are not made again. Table, statistics and pictures go to workspace/compare, the
    trainings to MLflow and `dvc exp show`. --set changes a parameter for all systems.
    """
    given = given_options(options, CompareOptions)
    parse_section(
        "compare", given, CompareOptions, "command line"
    )  # printed at once, since the flow takes long to start
    parameters = read_assignments(assignments or [])
    require_valid_parameters(parameters)
    resolve_commit("HEAD")
    from pipelines.flows import comparison

    comparison.run(dataset=dataset, parameters=parameters, **given)


def systems() -> None:
    """List the systems and the published weights on this machine, and what is missing to use each."""
    run_command([sys.executable, "-m", "components.compare.systems.listing"], partial(print, flush=True))
    print(flush=True)
    exec_module("components.convert.listing")
