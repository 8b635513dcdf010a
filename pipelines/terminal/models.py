"""The verbs about model folders: `convert` and `export`."""

from typing import Annotated

import typer

from pipelines.terminal.module_launch import run_module, to_arguments


def convert(
    kind: Annotated[str, typer.Argument(help="open-unmix, demucs, hdemucs, htdemucs, spleeter or onnx.")],
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE DESTINATION [OPTIONS]",
            help="A name such as umxhq, a file or a folder; the folder for the model; options of the kind.",
        ),
    ],
) -> None:
    """Make a model folder from published weights or from an ONNX file; every command takes such a folder.

    `stemline convert KIND -h` lists the options of a kind: `stemline convert onnx FILE FOLDER --targets vocals,drums`.
    """
    run_module("components.convert", kind, *arguments)


def export(
    destination: Annotated[str, typer.Argument(help="Folder to write.")],
    licence: Annotated[
        list[str] | None, typer.Option(metavar="DATASET=TEXT", help="The terms of a data set. Repeatable.")
    ] = None,
    onnx: Annotated[
        bool, typer.Option("--onnx", help="Also write the network as an ONNX file, and log it to MLflow.")
    ] = False,
) -> None:
    """Write the trained model to a folder, with parameters, lock, MLflow run, scores and a model card."""
    run_module("components.export", *to_arguments({"--licence": licence, "--onnx": onnx}), "--", destination)
