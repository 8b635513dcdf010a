"""MLflow and the journal, opened for reading. They may be empty, damaged or down."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import mlflow
import sqlalchemy
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from components.core.base.errors import UserError
from components.core.base.http import NoResponse, request
from components.core.base.params import load_section
from components.core.base.secret_masking import without_secrets
from components.core.release.journal import JournalEntry, open_journal
from components.core.release.registry_sections import PromoteConfig, load_model_name, load_separating_model
from components.core.tracking import mlflow_runs
from components.core.tracking.mlflow_address import store_exists, tracking_uri
from components.report.sources.step_files import Part, Unavailable, read_part

_SHORT_PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "PGCONNECT_TIMEOUT": "5"}
"""A page is quickly made again, so it does not wait for minutes for a server that restarts, as the other steps do."""

_HTTP = ("http://", "https://")
_ANSWER_SECONDS = 2.0
_ERROR_LENGTH = 300


@dataclass(frozen=True)
class ModelSettings:
    """The registered model's name, the section `promote` of params.yaml, and the model that `separate` takes."""

    name: str
    promote: PromoteConfig
    separate_by: str


@dataclass(frozen=True)
class Mlflow:
    """MLflow, opened for reading.

    experiment  the id of the experiment of trainings and scores
    catalogues  the id of the experiment of separated catalogues
    web         the address of its web pages; empty for a database
    """

    client: mlflow.MlflowClient
    experiment: str
    catalogues: str
    web: str

    def run_link(self, run_id: str, experiment: str = "") -> str:
        """Return the address of the page of a run, of a training where no experiment is named; empty without pages."""
        place = experiment or self.experiment
        return f"{self.web}/#/experiments/{place}/runs/{quote(run_id)}" if self.web and run_id else ""

    def version_link(self, name: str, version: int) -> str:
        """Return the address of a version's page; empty without web pages."""
        return f"{self.web}/#/models/{quote(name, safe='')}/versions/{version}" if self.web else ""


@dataclass(frozen=True)
class Stores:
    """The model's settings, its journal entries from the oldest on, and MLflow, each as far as it can be read."""

    settings: Part[ModelSettings]
    journal: Part[tuple[JournalEntry, ...]]
    mlflow: Part[Mlflow]


def open_stores() -> Stores:
    """Read settings and journal, and open MLflow; a store that fails becomes a note."""
    settings = read_part(_read_settings)
    return Stores(settings, read_part(lambda: _read_journal(settings.required())), read_part(_open_mlflow))


@contextmanager
def errors_as_notes(source: str) -> Iterator[None]:
    """Turn an error of the store `source` into Unavailable, with one line without secrets."""
    try:
        yield
    except UserError as error:
        raise Unavailable(_sentence(str(error))) from None
    except (MlflowException, SQLAlchemyError, OSError, ValueError) as error:
        raise Unavailable(_sentence(f"{source} cannot be read: {error}")) from None


def web_address(uri: str) -> str:
    """Return the address of a server's web pages, without login; empty for a database."""
    if not uri.startswith(_HTTP):
        return ""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])).rstrip("/")


def _read_settings() -> ModelSettings:
    with errors_as_notes("params.yaml"):
        return ModelSettings(load_model_name(), load_section("promote", PromoteConfig), load_separating_model())


def _read_journal(settings: ModelSettings) -> tuple[JournalEntry, ...]:
    with errors_as_notes("The journal"):
        return tuple(open_journal(settings.promote.journal).entries_of(settings.name))


def _open_mlflow() -> Mlflow:
    if not store_exists():
        raise Unavailable("MLflow holds nothing yet: no training has begun.")
    for name, value in _SHORT_PATIENCE.items():
        os.environ.setdefault(name, value)
    uri = tracking_uri()
    web = web_address(uri)
    with errors_as_notes("MLflow"):
        if not web:
            _try_database(uri)
        client = _connect(web)
        trainings, catalogues = (
            mlflow_runs.experiment_id(client),
            mlflow_runs.experiment_id(client, mlflow_runs.CATALOGUES),
        )
        return Mlflow(client, trainings, catalogues, web)


def _connect(web: str) -> mlflow.MlflowClient:
    """Return a client; raises UserError with a short reason when the server does not answer."""
    try:
        return mlflow_runs.connect()
    except UserError:
        if web:
            try:
                request(web, timeout=_ANSWER_SECONDS)
            except NoResponse as reason:
                raise UserError(f"MLflow at {mlflow_runs.store_address()} does not answer: {reason}") from None
        raise


def _try_database(uri: str) -> None:
    """Query the database first: MLflow itself would retry for two minutes when it is damaged or down."""
    engine = sqlalchemy.create_engine(uri, poolclass=NullPool)
    try:
        sqlalchemy.inspect(engine).get_table_names()
    finally:
        engine.dispose()


def _sentence(text: str) -> str:
    line = " ".join(without_secrets(text).split())
    line = f"{line[:_ERROR_LENGTH]}…" if len(line) > _ERROR_LENGTH else line
    return f"{line[:1].upper()}{line[1:]}" + ("" if line.endswith((".", "…")) else ".")
