"""`python -m components.export FOLDER`: the program that `stemline export` runs."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from components.core.base.errors import UserError
from components.core.base.step_command import run_step_command
from components.core.base.workspace import WORKSPACE
from components.core.models.model_folder import load_model
from components.export.export import export, export_converted
from components.export.onnx.onnx_export import export_network, export_onnx


def run(
    out: Annotated[Path, Argument(help="Folder to write.")],
    train: Annotated[Path, Option(help="Folder of the model and its run.json.")] = WORKSPACE / "train",
    evaluate: Annotated[
        list[Path] | None, Option(help="Folder of its scores, the most important first. Repeatable.")
    ] = None,
    data: Annotated[Path, Option(help="Folder of the manifest.")] = WORKSPACE / "acquire",
    converted: Annotated[
        Path | None, Option(help="Folder of a model that `stemline convert` wrote, in place of --train.")
    ] = None,
    profile: Annotated[Path | None, Option(help="Profile of a converted model, from a training on like music.")] = None,
    licence: Annotated[
        list[str] | None,
        Option(
            metavar="DATASET=TEXT",
            help="Terms of a data set, of the first model (start), or of converted weights (weights). Repeatable.",
        ),
    ] = None,
    onnx: Annotated[bool, Option("--onnx", help="Also write an ONNX file, and log it to MLflow.")] = False,
) -> None:
    """Write a model to a folder, with parameters, lock, MLflow run, scores and a model card."""
    licences = dict(_parse_licence(text) for text in licence or [])
    evaluations = evaluate or [WORKSPACE / "evaluate"]
    if converted is not None:
        export_converted(converted, evaluations, profile, out, licences)
    else:
        export(train, evaluations, data, out, licences)
    if onnx and converted is not None:
        export_onnx(load_model(converted), out)
    elif onnx:
        export_network(train, out)


def _parse_licence(text: str) -> tuple[str, str]:
    dataset, _, terms = text.partition("=")
    if not (dataset and terms):
        raise UserError(f"--licence {text}: write DATASET=TEXT, such as 'folder=our own recordings, CC0'")
    return dataset, terms


if __name__ == "__main__":
    run_step_command(run, "components.export")
