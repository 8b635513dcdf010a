"""The command `stemline`."""

import os
import sys
from typing import Annotated

import typer

from pipelines.command import one_line

app = typer.Typer(
    help=(
        "Train a network that takes the voice out of music, know what it is worth, and separate whole catalogues "
        "with it.\n\nStart with `stemline run`, then `stemline separate SONG FOLDER`."
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


@app.command()
def run(
    source: Annotated[str, typer.Argument(help="What to separate at the end; left out: a few held-back songs.")] = "",
    destination: Annotated[str, typer.Argument(help="Where the stems go.")] = "workspace/separate",
    dataset: Annotated[
        list[str] | None,
        typer.Option("--dataset", "-d", help="demo, musdb18-7s, musdb18, musdb18-hq or folder; may be repeated."),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", "-S", help="A parameter, e.g. train.steps=100; written to params.yaml. May be repeated."),
    ] = None,
) -> None:
    """Bring everything up to date: data, cache, training, scores, registry, gate; then separate a few recordings.

    What is up to date is not done again, and what was interrupted goes on where it was.
    """
    from pipelines.parameters import set_parameters
    from pipelines.summary import print_summary

    chosen = [f"acquire.datasets=[{', '.join(dataset)}]"] if dataset else []
    for change in set_parameters([*chosen, *(assignments or [])]):
        print(f"params.yaml: {change}")
    from pipelines import vocal_isolation

    vocal_isolation.run(source, destination)
    print_summary(destination)


@app.command()
def separate(
    source: Annotated[str, typer.Argument(help="A recording, a folder of recordings, or s3://bucket/folder.")],
    destination: Annotated[str, typer.Argument(help="A folder or s3://bucket/folder for the stems.")],
    model: Annotated[
        str, typer.Option(help="models:/NAME@ALIAS, models:/NAME/VERSION, or the folder of a model.")
    ] = "",
) -> None:
    """Separate recordings into stems that add up to them, each with a file that says where it comes from.

    Stems have the length, rate and channels of their recording. Recordings that are done are skipped.
    """
    chosen = ["--model", model] if model else []
    command = [sys.executable, "-m", "components.separate", *chosen, "--", source, destination]
    os.execv(sys.executable, command)


@app.command()
def export(
    destination: Annotated[str, typer.Argument(help="Folder to write.")],
    licence: Annotated[
        list[str] | None, typer.Option(help="DATASET=TEXT for the card: what a data set is and allows. Repeatable.")
    ] = None,
) -> None:
    """Write the trained model to a folder with all that made it: parameters, lock, MLflow run, scores, a model card."""
    chosen = [option for text in licence or () for option in ("--licence", text)]
    os.execv(sys.executable, [sys.executable, "-m", "components.export", *chosen, "--", destination])


@app.command()
def status() -> None:
    """Say which model is live, which stages are stale, and where everything lies."""
    from pipelines.status import print_status

    print_status()


@app.command()
def serve() -> None:
    """Offer the flows to a Prefect server (PREFECT_API_URL), to be started from its UI; runs until stopped."""
    from pipelines.serve import serve_flows

    serve_flows()


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr."""
    sys.exit(one_line(app))


if __name__ == "__main__":
    main()
