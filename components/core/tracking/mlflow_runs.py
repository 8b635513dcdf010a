"""MLflow runs: the store they are in, and the operations that all steps share.

The store is at `MLFLOW_TRACKING_URI`; without it, it is an SQLite file in the workspace. One training is one run:
`train` makes it, `evaluate` and `register` add to it. The document `run.json` holds its id.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, TypeVar

import mlflow
from filelock import FileLock
from mlflow.entities import Dataset, DatasetInput, InputTag, LifecycleStage, Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from components.core.base.documents import Document
from components.core.base.errors import Outage, UserError
from components.core.base.outages import outage_reason, report_waiting
from components.core.base.secret_masking import without_secrets
from components.core.data import artifacts
from components.core.tracking.mlflow_address import store_address as store_address
from components.core.tracking.mlflow_address import tracking_uri

EXPERIMENT = "vocal-isolation"
"""The experiment of trainings and scores."""

CATALOGUES = "vocal-isolation catalogues"
"""The experiment of separated catalogues, which have no figures in common with trainings."""

NO_SUCH_RUN = "RESOURCE_DOES_NOT_EXIST"
"""MLflow's error code for a run that it does not have."""

NOT_FOUND_CODES = (NO_SUCH_RUN, "INVALID_PARAMETER_VALUE")
"""MLflow's error codes for a model, version or run that does not exist, and for an alias that a model does not have."""

_DIGEST_CHARACTERS = 36  # MLflow's limit for the digest of a data set

Result = TypeVar("Result")


class RunRef(Document):
    """Points to an MLflow run: the document `run.json`."""

    FILE: ClassVar[str] = artifacts.RUN.file
    REMEDY: ClassVar[str] = "run `dvc repro train` first"

    run_id: str
    experiment: str = EXPERIMENT


def error_reason(error: MlflowException) -> str:
    """Return the first line of MLflow's error without secrets: it may contain the store's address."""
    return without_secrets(str(error).splitlines()[0])


def ask_registry(query: Callable[[], Result], question: str = "answer") -> Result | None:
    """Return the result of `query` on the registry; None where it has no such model, version or alias.

    Raises UserError, "the registry does not <question>", when it does not answer: that must not pass for an empty
    registry.
    """
    try:
        return query()
    except MlflowException as error:
        if error.error_code in NOT_FOUND_CODES:
            return None
        raise UserError(f"the registry at {store_address()} does not {question}: {error_reason(error)}") from None


def connect() -> mlflow.MlflowClient:
    """Return a client of the store; make the store first if it does not exist.

    A new SQLite store is made under a lock, because several processes at once corrupt it. Every call of the client
    retries while a server restarts. Raises Outage when the server does not answer after that, and UserError when the
    store does not work for another reason.
    """
    logging.getLogger("mlflow").setLevel(logging.WARNING)  # it logs every table that it makes
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # the URL may contain a login
    report_waiting("urllib3.connectionpool", ("Retry",), f"MLflow at {store_address()}", about="mlflow")
    uri = tracking_uri()
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    if uri.startswith("sqlite:///"):
        folder = Path(uri.removeprefix("sqlite:///")).parent
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "bootstrap.lock"):
            return _client_with_experiments(uri, (folder / "artifacts").as_uri())
    return _client_with_experiments(uri, None)


def experiment_id(client: mlflow.MlflowClient, name: str = EXPERIMENT) -> str:
    """Return the id of an experiment, EXPERIMENT or CATALOGUES; `connect` makes both."""
    return str(client.get_experiment_by_name(name).experiment_id)


def has_run(ref: RunRef) -> bool:
    """Return whether the store holds the run; False for one of another store, or one deleted in MLflow's UI."""
    try:
        return bool(connect().get_run(ref.run_id).info.lifecycle_stage == LifecycleStage.ACTIVE)
    except MlflowException as error:
        if error.error_code != NO_SUCH_RUN:
            raise
        return False


def require_run(ref: RunRef) -> None:
    """Raise UserError when the store does not hold the run."""
    if not has_run(ref):
        raise UserError(
            f"MLflow run {ref.run_id} is not in {store_address()}: set MLFLOW_TRACKING_URI to the store that has it, "
            "or make a run in this store with `dvc repro --force train`"
        )


@contextmanager
def active_run(ref: RunRef) -> Iterator[None]:
    """Make `ref` the active run, for MLflow's fluent calls (artifacts, figures, models)."""
    with mlflow.start_run(run_id=ref.run_id):
        yield


def log_metrics(client: mlflow.MlflowClient, ref: RunRef, metrics: Mapping[str, float], step: int = 0) -> None:
    """Log many metrics of one step in one call."""
    now = _milliseconds()
    client.log_batch(ref.run_id, metrics=[Metric(name, value, now, step) for name, value in metrics.items()])


def log_params(client: mlflow.MlflowClient, ref: RunRef, params: Mapping[str, object]) -> None:
    """Log many parameters in one call; values are cut to 6,000 characters, which is MLflow's limit."""
    client.log_batch(ref.run_id, params=[Param(name, str(value)[:6000]) for name, value in params.items()])


def set_tags(client: mlflow.MlflowClient, ref: RunRef, tags: Mapping[str, object]) -> None:
    """Set many tags in one call."""
    client.log_batch(ref.run_id, tags=[RunTag(name, str(value)[:5000]) for name, value in tags.items()])


def describe_run(client: mlflow.MlflowClient, ref: RunRef, program: str, commit: str, text: str) -> None:
    """Fill MLflow's columns Source and Description of a run: the program with its commit, and a text in Markdown."""
    source = {"source.name": program, "source.type": "LOCAL", "source.git.commit": commit}
    set_tags(client, ref, {f"mlflow.{name}": value for name, value in source.items()} | {"mlflow.note.content": text})


def log_data(
    client: mlflow.MlflowClient, ref: RunRef, use: str, datasets: Sequence[str], digest: str, tracks: int, folder: Path
) -> None:
    """Log the data of the run: `use` is train or test, `digest` names the version of the data in `folder`."""
    dataset = Dataset(
        name=" + ".join(datasets),
        digest=digest[:_DIGEST_CHARACTERS],
        source_type="local",
        source=json.dumps({"uri": folder.as_posix()}),
        profile=json.dumps({"tracks": tracks}),
    )
    client.log_inputs(ref.run_id, datasets=[DatasetInput(dataset, [InputTag("mlflow.data.context", use)])])


def _client_with_experiments(uri: str, artifacts: str | None) -> mlflow.MlflowClient:
    try:
        client = mlflow.MlflowClient(uri, uri)
        for name in (EXPERIMENT, CATALOGUES):
            _make_experiment(client, name, artifacts)
    except MlflowException as error:
        error_class = Outage if outage_reason(error) else UserError
        raise error_class(f"MLflow at {store_address()} does not work: {error_reason(error)}") from None
    return client


def _make_experiment(client: mlflow.MlflowClient, name: str, artifacts: str | None) -> None:
    if client.get_experiment_by_name(name) is not None:
        return
    try:
        client.create_experiment(name, artifact_location=artifacts)
    except MlflowException:
        if client.get_experiment_by_name(name) is None:  # else another host made it in between
            raise


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000
