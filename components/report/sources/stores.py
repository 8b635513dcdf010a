"""The stores that the page is made from: MLflow and the journal. They may be empty, damaged or down."""

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
from components.core.base.secrets import without_secrets
from components.core.release.journal import Entry, open_journal
from components.core.tracking import mlflow_runs
from components.core.tracking.mlflow_store import store_exists, tracking_uri
from components.report.sources.params_sections import PromoteSection, RegisterSection
from components.report.sources.reading import Part, Unavailable, part_of

_PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "PGCONNECT_TIMEOUT": "5"}
"""A page is soon made again; elsewhere a server that restarts is waited for, minutes long."""

_HTTP = ("http://", "https://")
_SECONDS = 2.0
_LONGEST = 300  # characters of an error that is shown


@dataclass(frozen=True)
class Names:
    """What the parameters call the registered model, and how they say who is live."""

    model: str
    promote: PromoteSection


@dataclass(frozen=True)
class Mlflow:
    """MLflow, open for reading: the project's experiment, and the address of its pages (empty: it has none)."""

    client: mlflow.MlflowClient
    experiment: str
    pages: str

    def run_link(self, run_id: str) -> str:
        """Return the address of a run's page, or nothing."""
        return f"{self.pages}/#/experiments/{self.experiment}/runs/{quote(run_id)}" if self.pages and run_id else ""

    def version_link(self, name: str, version: int) -> str:
        """Return the address of a version's page, or nothing."""
        return f"{self.pages}/#/models/{quote(name, safe='')}/versions/{version}" if self.pages else ""


@dataclass(frozen=True)
class Stores:
    """Names, journal (of this model, in its order) and MLflow, each as far as it can be read."""

    names: Part[Names]
    journal: Part[tuple[Entry, ...]]
    mlflow: Part[Mlflow]


def open_stores() -> Stores:
    """Read what is small, and open what is large; whatever is not there becomes a sentence."""
    names = part_of(_read_names)
    return Stores(names, part_of(lambda: _read_journal(names.required())), part_of(_open_mlflow))


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Turn whatever goes wrong with a store into Unavailable, in one line without secrets."""
    try:
        yield
    except UserError as error:
        raise Unavailable(_sentence(str(error))) from None
    except (MlflowException, SQLAlchemyError, OSError, ValueError) as error:
        raise Unavailable(_sentence(f"{what} cannot be read: {error}")) from None


def pages_of(uri: str) -> str:
    """Return the address of the pages of a server, without login; empty for a database."""
    if not uri.startswith(_HTTP):
        return ""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])).rstrip("/")


def _read_names() -> Names:
    with asking("params.yaml"):
        return Names(load_section("register", RegisterSection).name, load_section("promote", PromoteSection))


def _read_journal(names: Names) -> tuple[Entry, ...]:
    with asking("The journal"):
        return tuple(open_journal(names.promote.journal).of(names.model))


def _open_mlflow() -> Mlflow:
    if not store_exists():
        raise Unavailable("MLflow holds nothing yet: no training has begun.")
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    uri = tracking_uri()
    pages = pages_of(uri)
    with asking("MLflow"):
        if not pages:
            _try_database(uri)
        client = _connect(pages)
        return Mlflow(client, mlflow_runs.experiment_id(client), pages)


def _connect(pages: str) -> mlflow.MlflowClient:
    """Return a client; raises UserError that says in a few words why a server does not answer, as MLflow does not."""
    try:
        return mlflow_runs.connect()
    except UserError:
        if pages:
            try:
                request(pages, timeout=_SECONDS)
            except NoResponse as reason:
                raise UserError(f"MLflow at {mlflow_runs.store_address()} does not answer: {reason}") from None
        raise


def _try_database(uri: str) -> None:
    """Ask the database something: MLflow itself would try one that is damaged or down for two minutes."""
    engine = sqlalchemy.create_engine(uri, poolclass=NullPool)
    try:
        sqlalchemy.inspect(engine).get_table_names()
    finally:
        engine.dispose()


def _sentence(text: str) -> str:
    line = " ".join(without_secrets(text).split())
    line = f"{line[:_LONGEST]}…" if len(line) > _LONGEST else line
    return f"{line[:1].upper()}{line[1:]}" + ("" if line.endswith((".", "…")) else ".")
