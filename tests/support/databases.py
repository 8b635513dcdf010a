"""New databases of MLflow and Prefect. Each takes many seconds, so a session makes one and copies it."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import mlflow
from filelock import FileLock


class Templates:
    """The session's empty databases, in a folder that all test processes share."""

    folder: Path

    @classmethod
    def copy(cls, name: str, make: Callable[[Path], None], path: Path) -> None:
        """Copy the database `name` to `path`. The first process that needs it makes it with `make`."""
        template = cls.folder / name / name
        template.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{template}.lock"):
            if not template.is_file():
                unfinished = template.with_suffix(".unfinished")
                make(unfinished)
                _copy_database(unfinished, template)
        path.parent.mkdir(parents=True, exist_ok=True)
        _copy_database(template, path)


def new_mlflow_store(path: Path) -> str:
    """Write an empty MLflow store to `path` and return its address."""
    Templates.copy("mlflow.db", _make_mlflow_database, path)
    return f"sqlite:///{path}"


def new_prefect_home(folder: Path, database: str = "prefect.db") -> Path:
    """Write an empty Prefect database to `folder` and return the folder, to be used as PREFECT_HOME."""
    Templates.copy("prefect.db", _make_prefect_database, folder / database)
    return folder


def _make_mlflow_database(path: Path) -> None:
    address = f"sqlite:///{path}"
    mlflow.MlflowClient(address, address).search_experiments()


def _make_prefect_database(path: Path) -> None:
    settings = {
        "PREFECT_HOME": str(path.parent),
        "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{path}",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    program = Path(sys.executable).parent / "prefect"
    command = [str(program), "server", "database", "upgrade", "--yes"]
    subprocess.run(command, env=os.environ | settings, check=True, capture_output=True)


def _copy_database(source: Path, target: Path) -> None:
    """Copy an SQLite database with the changes that are still in its journal."""
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as write:
        read.backup(write)
