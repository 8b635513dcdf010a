"""The verbs for operators: `doctor`, `report`, `deploy` and `serve`."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.terminal.module_launch import run_module, to_arguments


def doctor(
    store: Annotated[
        list[str] | None, typer.Option(help="A folder or s3://bucket/folder to test for access. Repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")] = False,
) -> None:
    """Check this set-up and say what to do: programs, GPU, servers, credentials, buckets, disk and clock."""
    run_module("components.doctor", *to_arguments({"--store": store, "--json": as_json}))


def report(
    out: Annotated[Path | None, typer.Option(help="Folder for index.html; left out: workspace/report.")] = None,
) -> None:
    """Write one page with everything: live model, scores, history, trainings, catalogues, data and the last run."""
    run_module("components.report", *to_arguments({"--out": out}))


def deploy(
    pool: Annotated[str, typer.Argument(help="A Prefect work pool.")],
    only: Annotated[
        list[str] | None, typer.Option(help="Register only this deployment, e.g. scheduled. Repeatable.")
    ] = None,
) -> None:
    """Register the flows of prefect.yaml, with schedules and triggers, for the workers of a pool."""
    from pipelines.server.serve import deploy_flows

    deploy_flows(pool, only or ())


def serve() -> None:
    """Register the flows of prefect.yaml and run them on this machine until stopped; needs PREFECT_API_URL."""
    from pipelines.server.serve import serve_flows

    serve_flows()
