"""The verbs about model folders and the live model, and those for operators."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.terminal.module_launch import exec_module
from pipelines.terminal.parameters import require_valid_parameters

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]
RegisteredName = Annotated[
    str | None, typer.Option("--name", help="A registered model [default: the one that params.yaml describes].")
]


def convert(
    kind: Annotated[
        str,
        typer.Argument(help="open-unmix, demucs, hdemucs, htdemucs, spleeter, msst, mdx-net, onnx, ensemble or chain."),
    ],
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE DESTINATION [OPTIONS]",
            help="A name such as umxhq, a file or a folder (msst: the YAML file, then the weights); the folder for the "
            "model; options of the kind.",
        ),
    ],
) -> None:
    """Make a model folder from published weights, an ONNX file or other models; every command takes such a folder.

    `stemline convert KIND -h` lists the options of a kind: `stemline convert onnx FILE FOLDER --targets vocals,drums`.
    """
    exec_module("components.convert", kind, *arguments)


def export(
    destination: Annotated[str, typer.Argument(help="Folder to write.")],
    evaluate: Annotated[
        list[str] | None, typer.Option(metavar="FOLDER", help="A folder of its scores. Repeatable.")
    ] = None,
    converted: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="A model that `stemline convert` wrote, in place of the trained one."),
    ] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="FILE", help="Profile of a converted model, from a training on like music.")
    ] = None,
    licence: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DATASET=TEXT",
            help="The terms of a data set, of the first model (start) or of converted weights (weights). Repeatable.",
        ),
    ] = None,
    onnx: Annotated[
        bool, typer.Option("--onnx", help="Also write the network as an ONNX file, and log it to MLflow.")
    ] = False,
) -> None:
    """Write a model to a folder, with its origin, scores and a model card."""
    options = {"evaluate": evaluate, "converted": converted, "profile": profile, "licence": licence, "onnx": onnx}
    exec_module("components.export", "--", destination, **options)


def status() -> None:
    """Print the present state in ten lines: the live model, the fresh and stale stages, and the places of results.

    The past is in `history`, all results in `report`; `doctor` checks the set-up.
    """
    from pipelines.terminal.status import print_status

    print_status()


def history(
    at: Annotated[str | None, typer.Option(help="A day or a time, e.g. 2026-11-25: what was live then.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the journal of promotions: which model was live when, who changed it, and why."""
    exec_module("components.promote.history", at=at, json=as_json)


def promote() -> None:
    """Make the version that the gate judged last here the live one, if it passed; `stemline run` does this itself."""
    exec_module("components.promote")


def rollback(
    why: Annotated[str, typer.Option(help="The reason, for the journal.")],
    to: Annotated[
        int | None,
        typer.Option(min=0, help="An earlier version; 0: the shipped model [default: the one that was live before]"),
    ] = None,
    ungated: Annotated[bool, typer.Option("--ungated", help="Allow a version that was never live.")] = False,
    name: RegisteredName = None,
) -> None:
    """Make the previous model live again, after a new process has separated a few seconds with it as a test."""
    exec_module("components.promote.rollback", why=why, to=to, ungated=ungated, name=name)


def repair(
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Write the registry's state into the journal where they differ.")
    ] = False,
    name: RegisteredName = None,
) -> None:
    """Finish a promotion that was killed, so that the journal and the registry agree again."""
    exec_module("components.promote.repair", adopt=adopt, name=name)


def doctor(
    store: Annotated[
        list[str] | None, typer.Option(help="A folder or s3://bucket/folder to test for access. Repeatable.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check this set-up and say what to do: programs, GPU, servers, credentials, buckets, disk and clock."""
    exec_module("components.doctor", store=store, json=as_json)


def report(
    out: Annotated[Path | None, typer.Option(help="Folder for index.html [default: workspace/report]")] = None,
) -> None:
    """Write one page with everything: live model, scores, history, trainings, catalogues, data and the last run."""
    exec_module("components.report", out=out)


def deploy(
    pool: Annotated[str, typer.Argument(help="A Prefect work pool.")],
    only: Annotated[
        list[str] | None, typer.Option(help="Register only this deployment, e.g. scheduled. Repeatable.")
    ] = None,
) -> None:
    """Register the flows of prefect.yaml, with schedules and triggers, for the workers of a pool."""
    require_valid_parameters()
    from pipelines.server.serve import deploy_flows

    deploy_flows(pool, only or ())


def serve() -> None:
    """Register the flows of prefect.yaml and run them on this machine until stopped; needs PREFECT_API_URL."""
    require_valid_parameters()
    from pipelines.server.serve import serve_flows

    serve_flows()
