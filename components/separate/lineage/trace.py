"""`python -m components.separate.lineage.trace STEM`: where a stem comes from, back to data, code and parameters."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from typer import Argument

from components.core.base.errors import Outage, UserError
from components.core.base.step_command import run_step_command
from components.core.data.stem_provenance import ModelUsed, Provenance
from components.core.models.addresses import SHIPPED
from components.core.stores.opening import open_store
from components.core.stores.selection import PROVENANCE
from components.core.tracking.exported_run import ExportedRun
from components.core.tracking.mlflow_address import require_answer, store_address, store_exists
from components.separate.ledger.destination_documents import parse_document, read_document

_TAGS_OF_TRAINING = ("train.git_commit", "train.dvc_lock", "train.data", "train.datasets", "train.machine")


@dataclass(frozen=True)
class Stem:
    """A stem: the address of its folder, the name of its file, its target, and its provenance."""

    folder: str
    file: str
    target: str
    provenance: Provenance


def find_stem(address: str) -> Stem:
    """Return the stem at a path or `s3://` address; raises UserError for a file that Stemline did not make."""
    folder, _, file = address.rpartition("/")
    provenance = read_document(open_store(folder or "."), PROVENANCE, Provenance)
    if provenance is not None:
        for target, stem in provenance.stems.items():
            if stem.file == file:
                return Stem(folder or ".", file, target, provenance)
    raise UserError(f"{address} is not a stem of Stemline: no {PROVENANCE} beside it names it")


def trace(stem: Stem) -> Iterator[tuple[str, str]]:
    """Yield name and value of each step from the stem back to the training of its model."""
    made = stem.provenance
    source, model = made.source, made.model
    yield "stem", f"{stem.target}, SHA-256 {made.stems[stem.target].sha256}"
    yield "recording", f"{source.store}: {source.key}"
    yield "its file", f"SHA-256 {source.sha256}, {source.bytes} bytes, {source.rate} Hz, {source.subtype}"
    yield "options", _list_pairs(made.options.model_dump(mode="json"))
    yield "separated by", f"code {made.code}"
    yield "on", ", ".join(made.machine.values())
    yield "packages", _list_pairs(made.packages)
    version = f" version {model.version}" if model.version else ""
    yield "model", f"{model.name}{version}, SHA-256 {model.sha256}"
    yield "its network", _list_pairs(model.network)
    if model.converted_from:
        yield from _trace_conversion(model)
    else:
        yield "trained by", f"code {model.git_commit}, MLflow run {model.run_id}"
        yield from _trace_run(str(model.run_id))


def _trace_conversion(model: ModelUsed) -> Iterator[tuple[str, str]]:
    yield "converted from", f"{model.converted_from}, by code {model.git_commit}"
    yield from (("its file", f"{name}, SHA-256 {digest}") for name, digest in model.files.items())
    for member in model.members:
        yield "its member", f"{member.get('model')}, SHA-256 {member.get('sha256')}"


def _list_pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _trace_run(run_id: str) -> Iterator[tuple[str, str]]:
    """Yield the data and parameters of the training's MLflow run; the shipped model has them in its export."""
    try:
        found = _read_shipped_run(run_id) or _read_stored_run(run_id)
    except Outage as error:
        yield "its run", f"unknown: {error}"
        return
    if found is None:
        yield "its run", f"not in {store_address()}: set MLFLOW_TRACKING_URI to the store that has it"
        return
    tags, params = found
    yield from ((name, tags[name]) for name in _TAGS_OF_TRAINING if name in tags)
    yield from sorted((name, value) for name, value in params.items() if name.startswith("train."))


_Run = tuple[Mapping[str, str], Mapping[str, str]]
"""Tags and parameters."""


def _read_shipped_run(run_id: str) -> _Run | None:
    path = SHIPPED / ExportedRun.FILE
    run = parse_document(path.read_bytes(), ExportedRun) if path.is_file() else None
    return (run.tags, run.params) if run is not None and run.run_id == run_id else None


def _read_stored_run(run_id: str) -> _Run | None:
    if not store_exists():
        return None
    require_answer()
    # imported here: MLflow takes seconds
    from mlflow.exceptions import MlflowException

    from components.core.tracking import mlflow_runs

    try:
        run = mlflow_runs.connect().get_run(run_id)
    except MlflowException:
        return None
    return run.data.tags, run.data.params


def lineage(stem: Annotated[str, Argument(help="A stem's file, or its s3:// address.")]) -> None:
    """Print the origin of a stem: recording, model, training run, data, code, packages, parameters."""
    for name, value in trace(find_stem(stem)):
        print(f"{name:>16}  {value}")


if __name__ == "__main__":
    run_step_command(lineage, "components.separate.lineage.trace")
