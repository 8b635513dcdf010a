"""`python -m components.separate.tracing.lineage STEM`: where a stem comes from, back to data, code and parameters."""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlflow.exceptions import MlflowException

from components.core.base.errors import UserError
from components.core.base.step_command import run_step
from components.core.models.addresses import SHIPPED
from components.core.stores.opening import open_store
from components.core.stores.store import PROVENANCE
from components.core.tracking import mlflow_runs
from components.core.tracking.mlflow_store import store_exists
from components.separate.ledger.destination_documents import parse_json

_OF_THE_RUN = ("train.git_commit", "train.dvc_lock", "train.data", "train.datasets", "train.machine")


@dataclass(frozen=True)
class Stem:
    """A stem: the address of its folder, the name of its file, what its target is, and where it comes from."""

    folder: str
    file: str
    target: str
    provenance: Mapping[str, Any]


def find_stem(address: str) -> Stem:
    """Return the stem at a path or `s3://` address; raises UserError for a file that Stemline did not make."""
    folder, _, file = address.rpartition("/")
    provenance = parse_json(open_store(folder or ".").read(PROVENANCE))
    for target, stem in provenance.get("stems", {}).items():
        if stem["file"] == file:
            return Stem(folder or ".", file, target, provenance)
    raise UserError(f"{address} is no stem of Stemline: no {PROVENANCE} beside it names it")


def chain(stem: Stem) -> Iterator[tuple[str, str]]:
    """Yield what, and its value, from the stem back to what the model was trained on."""
    made = stem.provenance
    source, model, options = made["source"], made["model"], made["options"]
    yield "stem", f"{stem.target}, SHA-256 {made['stems'][stem.target]['sha256']}"
    yield "recording", f"{source['store']}: {source['key']}"
    yield "its file", f"SHA-256 {source['sha256']}, {source['bytes']} bytes, {source['rate']} Hz, {source['subtype']}"
    yield "options", ", ".join(f"{name} {value}" for name, value in options.items())
    yield "separated by", f"code {made['code']}"
    yield "on", ", ".join(f"{value}" for value in made["machine"].values())
    yield "packages", ", ".join(f"{name} {version}" for name, version in made["packages"].items())
    version = f" version {model['version']}" if model["version"] else ""
    yield "model", f"{model['name']}{version}, SHA-256 {model['sha256']}"
    yield "its network", ", ".join(f"{name} {value}" for name, value in model["network"].items())
    yield "trained by", f"code {model['git_commit']}, MLflow run {model['run_id']}"
    yield from _of_the_run(str(model["run_id"]))


def _of_the_run(run_id: str) -> Iterator[tuple[str, str]]:
    """What only the training's MLflow run knows; of the model that ships, the run's export beside it knows it too."""
    found = _shipped_run(run_id) or _stored_run(run_id)
    if found is None:
        yield "its run", f"not in {mlflow_runs.store_address()}: set MLFLOW_TRACKING_URI to the store that has it"
        return
    tags, params = found
    yield from ((name, tags[name]) for name in _OF_THE_RUN if name in tags)
    yield from sorted((name, value) for name, value in params.items() if name.startswith("train."))


_Run = tuple[Mapping[str, str], Mapping[str, str]]
"""Tags and parameters."""


def _shipped_run(run_id: str) -> _Run | None:
    path = SHIPPED / mlflow_runs.RunRef.FILE
    run = parse_json(path.read_bytes() if path.is_file() else None)
    return (run["tags"], run["params"]) if run.get("run_id") == run_id else None


def _stored_run(run_id: str) -> _Run | None:
    if not store_exists():
        return None
    try:
        run = mlflow_runs.connect().get_run(run_id)
    except MlflowException:
        return None
    return run.data.tags, run.data.params


def main() -> None:
    """Print the chain, a line each."""
    parser = argparse.ArgumentParser(prog="python -m components.separate.tracing.lineage", description=__doc__)
    parser.add_argument("stem", help="a stem's file, or its s3:// address")
    arguments = parser.parse_args()
    run_step(lambda: _print(find_stem(arguments.stem)))


def _print(stem: Stem) -> None:
    for what, value in chain(stem):
        print(f"{what:>16}  {value}")


if __name__ == "__main__":
    main()
