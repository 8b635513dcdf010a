"""The command `stemline`."""

import os
import sys
from functools import partial
from typing import Annotated

import typer

from pipelines.running.command import one_line, run_command

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
    from pipelines.terminal.parameters import set_parameters
    from pipelines.terminal.summary import print_summary

    chosen = [f"acquire.datasets=[{', '.join(dataset)}]"] if dataset else []
    for change in set_parameters([*chosen, *(assignments or [])]):
        print(f"params.yaml: {change}")
    from pipelines.flows import vocal_isolation

    vocal_isolation.run(source, destination)
    print_summary(destination)


@app.command()
def separate(
    source: Annotated[str, typer.Argument(help="A recording, a folder of recordings, or s3://bucket/folder.")],
    destination: Annotated[str, typer.Argument(help="A folder or s3://bucket/folder for the stems.")],
    model: Annotated[
        str, typer.Option(help="models:/NAME@ALIAS, models:/NAME/VERSION, or the folder of a model.")
    ] = "",
    stems: Annotated[str, typer.Option(help="Which stems, e.g. vocals; left out: all.")] = "",
    file_format: Annotated[str, typer.Option("--format", help="wav, flac, aiff or caf.")] = "",
    workers: Annotated[int, typer.Option(help="Processes; 0: one a core, or one a GPU.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    limit: Annotated[int, typer.Option(help="Separate at most so many recordings now; 0: all.")] = 0,
    include: Annotated[list[str] | None, typer.Option(help="Only names that match, e.g. '*.flac'. Repeatable.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="No names that match. Repeatable.")] = None,
    manifest: Annotated[
        str, typer.Option(help="A file that names the recordings: a line each, or the column `key` of a CSV file.")
    ] = "",
    pool: Annotated[str, typer.Option(help="A Prefect work pool, whose workers share the catalogue.")] = "",
    shards: Annotated[int, typer.Option(help="With --pool: in how many parts at most.")] = 4,
    retry_quarantined: Annotated[bool, typer.Option("--retry-quarantined", help="Try bad ones once more.")] = False,
) -> None:
    """Separate recordings into stems that add up to them, each with a file that says where it comes from.

    Stems have the length, rate and channels of their recording. Recordings that are done are skipped, and bad ones are
    put in quarantine with a reason. Exit codes: 0 all separated, 2 the job had to stop, 3 some failed (the same command
    may help), 4 some are in quarantine.
    """
    options = {
        "--model": model, "--stems": stems, "--format": file_format, "--workers": workers, "--limit": limit,
        "--manifest": manifest,
    }  # fmt: skip
    chosen = [text for name, value in options.items() if value for text in (name, str(value))]
    patterns = [text for name, given in (("--include", include), ("--exclude", exclude)) for text in _each(name, given)]
    switches = [name for name, on in (("--dry-run", dry_run), ("--retry-quarantined", retry_quarantined)) if on]
    if pool and not dry_run:
        from pipelines.flows import catalogue

        catalogue.run(source, destination, pool, shards, [*chosen, *patterns, *switches])
        return
    step = ("components.separate", *chosen, *patterns, *switches, "--", source, destination)
    if os.environ.get("PREFECT_API_URL") and not dry_run:
        from pipelines.server.drift import separate_and_tell

        sys.exit(separate_and_tell([sys.executable, "-m", *step], destination))
    _become(*step)


@app.command()
def compare(
    systems: Annotated[
        str, typer.Option(help="Names, with commas between; left out: all (see `stemline systems`); or: none.")
    ] = "",
    post: Annotated[
        str, typer.Option(help="From estimates to stems: mask alone, or mask,mwf: the Wiener filter beside it.")
    ] = "mask,mwf",
    dataset: Annotated[list[str] | None, typer.Option(help="In place of those in params.yaml. Repeatable.")] = None,
    tracks: Annotated[int, typer.Option(min=0, help="Score on so many test tracks; 0: all.")] = 0,
    steps: Annotated[int, typer.Option(min=0, help="Train for so many steps; 0: as the recipe says.")] = 0,
    small: Annotated[bool, typer.Option("--small", help="Small networks, a minute or two of training each.")] = False,
    scores: Annotated[
        list[str] | None, typer.Option(help="NAME=FOLDER: results of others, as museval's JSON files. Repeatable.")
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option(help="NAME=FOLDER or NAME=models:/NAME@ALIAS: a model that was not trained here. Repeatable."),
    ] = None,
) -> None:
    """Train every system on the same data, score it on the same tracks, and put all in one table.

    Models of --models, such as `stemline convert` makes of published weights, are scored on those tracks as well.
    What was made before is not made again. The table, its statistics and its pictures lie in workspace/compare, the
    trainings in MLflow and `dvc exp show`.
    """
    from pipelines.flows import comparison

    comparison.run(
        systems=systems, post=post, dataset=dataset, tracks=tracks, steps=steps, small=small, scores=scores,
        models=models,
    )  # fmt: skip


@app.command()
def systems() -> None:
    """List the systems that can be compared, with family, stems and size; and which published weights are found here.

    What of either needs a package that is not installed, or a file that is not here, says so.
    """
    run_command([sys.executable, "-m", "components.compare.systems.listing"], partial(print, flush=True))
    print(flush=True)
    _become("components.convert.listing")


@app.command(context_settings={"ignore_unknown_options": True})
def convert(
    kind: Annotated[str, typer.Argument(help="open-unmix, demucs, hdemucs, htdemucs, spleeter or onnx.")],
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE FOLDER [OPTIONS]",
            help="A name such as umxhq, a file, or a folder; where the model goes; and what else the kind takes.",
        ),
    ],
) -> None:
    """Make a model of weights that others have published, or of an ONNX file: a folder that every command takes.

    `stemline convert KIND -h` lists what a kind takes: `stemline convert onnx FILE FOLDER --targets vocals,drums`.
    """
    _become("components.convert", kind, *arguments)


@app.command()
def lineage(stem: Annotated[str, typer.Argument(help="A stem's file, or its s3:// address.")]) -> None:
    """Say where a stem comes from: recording, model, training run, data, code, packages, parameters."""
    _become("components.separate.tracing.lineage", "--", stem)


@app.command()
def reproduce(
    stem: Annotated[str, typer.Argument(help="A stem's file, or its s3:// address.")],
    source: Annotated[str, typer.Option(help="The recording, where it has moved.")] = "",
    model: Annotated[str, typer.Option(help="The model, where it has moved.")] = "",
) -> None:
    """Make a stem again from its recording, and compare: bit for bit on the same kind of machine."""
    options = [text for name, value in (("--source", source), ("--model", model)) if value for text in (name, value)]
    _become("components.separate.tracing.reproduce", *options, "--", stem)


@app.command()
def export(
    destination: Annotated[str, typer.Argument(help="Folder to write.")],
    licence: Annotated[
        list[str] | None, typer.Option(help="DATASET=TEXT for the card: what a data set is and allows. Repeatable.")
    ] = None,
    onnx: Annotated[bool, typer.Option("--onnx", help="The network as an ONNX file besides, in MLflow too.")] = False,
) -> None:
    """Write the trained model to a folder with all that made it: parameters, lock, MLflow run, scores, a model card."""
    _become("components.export", *_each("--licence", licence), *(["--onnx"] if onnx else []), "--", destination)


@app.command()
def status() -> None:
    """Say which model is live, which stages are stale, and where everything lies."""
    from pipelines.terminal.status import print_status

    print_status()


@app.command()
def promote() -> None:
    """Make the version that the gate judged last here the champion, if it passed: the last step of `stemline run`."""
    _become("components.promote")


@app.command()
def rollback(
    why: Annotated[str, typer.Option(help="For the journal.")],
    to: Annotated[int, typer.Option(help="A version that was live once; 0: the one before.")] = 0,
    ungated: Annotated[bool, typer.Option("--ungated", help="Also one that never was live.")] = False,
) -> None:
    """Make the model that was live before the live one again, once it has separated a little in a fresh process."""
    chosen = [*(["--to", str(to)] if to else []), *(["--ungated"] if ungated else [])]
    _become("components.promote.rollback", "--why", why, *chosen)


@app.command()
def history(
    at: Annotated[str, typer.Option(help="A day or a moment: what was live then.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False,
) -> None:
    """Say which model was live when, who made it so, and why."""
    _become("components.promote.history", *(["--at", at] if at else []), *(["--json"] if as_json else []))


@app.command()
def report(
    out: Annotated[str, typer.Option(help="Folder for index.html; left out: workspace/report.")] = "",
) -> None:
    """Write one page for all: what is live, its scores and history, trainings, catalogues, data, and the last run."""
    _become("components.report", *(["--out", out] if out else []))


@app.command()
def retrain(
    commit: Annotated[str, typer.Argument(help="Commit, branch or tag.")] = "HEAD",
    why: Annotated[str, typer.Option(help="What called for it.")] = "asked for",
    require_approval: Annotated[
        bool, typer.Option("--require-approval", help="A person has to listen, and say yes in Prefect's UI.")
    ] = False,
) -> None:
    """Train, judge and promote in a clone of the project, as the schedule does; your own folder is not touched."""
    from pipelines.flows import retraining

    retraining.run(commit, why, require_approval=require_approval)


@app.command()
def deploy(
    pool: Annotated[str, typer.Argument(help="A Prefect work pool.")],
    only: Annotated[
        list[str] | None, typer.Option(help="These deployments alone, by name, e.g. scheduled. Repeatable.")
    ] = None,
) -> None:
    """Register the flows of prefect.yaml, with their schedules and triggers, for the workers of a pool."""
    from pipelines.server.serve import deploy_flows

    deploy_flows(pool, only or ())


@app.command()
def repair(
    adopt: Annotated[bool, typer.Option("--adopt", help="The registry is right, whatever the journal says.")] = False,
) -> None:
    """Finish a promotion that was killed, and check the journal: have it and the registry say the same."""
    _become("components.promote.repair", *(["--adopt"] if adopt else []))


@app.command()
def doctor(
    store: Annotated[list[str] | None, typer.Option(help="A folder or s3://bucket/folder to try. Repeatable.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False,
) -> None:
    """Check this set-up: versions, programs, GPU, servers, credentials, bucket rights, disk, clock; say what to do."""
    _become("components.doctor", *_each("--store", store), *(["--json"] if as_json else []))


@app.command()
def serve() -> None:
    """Offer the flows to a Prefect server (PREFECT_API_URL), to be started from its UI; runs until stopped."""
    from pipelines.server.serve import serve_flows

    serve_flows()


def _each(option: str, values: list[str] | None) -> list[str]:
    return [text for value in values or () for text in (option, value)]


def _become(module: str, *arguments: str) -> None:
    """Go on as another module's program: what it needs is not imported here."""
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr."""
    sys.exit(one_line(app))


if __name__ == "__main__":
    main()
