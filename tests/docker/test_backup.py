"""docker/bin/backup and restore on a real PostgreSQL: data of MLflow and Prefect survive a total loss."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stack.postgres import DATABASES, MISSING, Postgres, postgres_programs

ROOT = Path(__file__).parents[2]
BIN = ROOT / "docker" / "bin"

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    programs = postgres_programs()
    if programs is None:
        pytest.skip(MISSING)
    server = Postgres(programs, {name: f"{name}-s3cret" for name in DATABASES})
    try:
        server.make()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="module")
def ids(postgres: Postgres) -> str:
    """The ids of data that MLflow and Prefect themselves wrote to their databases."""
    return _run_both(postgres, _WRITE)


def _run_both(postgres: Postgres, code: tuple[str, str]) -> str:
    """Run a program with MLflow and one with Prefect on the databases, both at once; return what they print."""
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": postgres.url("psycopg2", "mlflow"),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": postgres.url("asyncpg", "prefect"),
        "PREFECT_HOME": str(postgres.folder),
    }
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", one],
            env=environment | {"PGPASSWORD": postgres.passwords[name]},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, one in zip(DATABASES, code, strict=True)
    ]
    answers = [program.communicate(timeout=200) for program in programs]
    assert [program.returncode for program in programs] == [0, 0], answers
    return " ".join(out.strip().splitlines()[-1] for out, _ in answers)


_PREFECT = """
import asyncio
from prefect.server.database import provide_database_interface
from prefect.server import models
from prefect.server.schemas.actions import WorkPoolCreate

async def main():
    database = provide_database_interface()
    async with database.session_context(begin_transaction=True) as session:
        {}

asyncio.run(main())
"""

_WRITE = (
    """
import mlflow
with mlflow.start_run() as run:
    mlflow.log_param("network", "unet")
    mlflow.log_metric("sdr", 4.94)
mlflow.MlflowClient().create_registered_model("vocal-isolation")
print(run.info.run_id)
""",
    _PREFECT.format(
        """
        await database.create_db()
        pool = await models.workers.create_work_pool(session, WorkPoolCreate(name="studio", type="process"))
        print(pool.id)
        """
    ),
)

_READ = (
    """
import mlflow
client = mlflow.MlflowClient()
(model,) = client.search_registered_models()
assert model.name == "vocal-isolation"
(run,) = client.search_runs(["0"])
assert run.data.metrics == {"sdr": 4.94} and run.data.params == {"network": "unet"}
print(run.info.run_id)
""",
    _PREFECT.format("print((await models.workers.read_work_pool_by_name(session, 'studio')).id)"),
)


def _script(postgres: Postgres, name: str, *arguments: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("STEMLINE_", "PG"))}
    environment = clean | postgres.variables | more
    command = ["sh", str(BIN / name), *arguments]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False, timeout=100)


@pytest.fixture(scope="module")
def backup(postgres: Postgres, ids: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of both databases, and of a journal."""
    project = tmp_path_factory.mktemp("project")
    (project / "workspace" / "journal").mkdir(parents=True)
    (project / "workspace" / "journal" / "000001.json").write_text('{"number": 1}')
    result = _script(postgres, "backup", "backups", "workspace/journal", cwd=project)
    assert result.returncode == 0, result.stderr
    return project / result.stdout.strip()


def test_backup_is_complete_and_private(backup: Path) -> None:
    names = {path.name for path in backup.iterdir()}
    assert names == {"mlflow.dump", "prefect.dump", "folders.tar", "SHA256SUMS"}
    assert [path.name for path in backup.parent.iterdir()] == [backup.name]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (backup, *backup.iterdir()))


def test_restore_brings_back_all_data_after_a_total_loss(
    postgres: Postgres, ids: str, backup: Path, tmp_path: Path
) -> None:
    for name in DATABASES:
        postgres.sql(f"DROP DATABASE {name}")
    result = _script(postgres, "restore", str(backup), cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert _run_both(postgres, _READ) == ids
    assert (tmp_path / "workspace" / "journal" / "000001.json").read_text() == '{"number": 1}'
    # each still belongs to its own role
    owners = "SELECT datname || ' ' || pg_get_userbyid(datdba) FROM pg_database WHERE datname IN ('mlflow', 'prefect')"
    assert set(postgres.sql(owners).splitlines()) == {"mlflow mlflow", "prefect prefect"}
    assert postgres.sql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", "mlflow") == "mlflow"


def test_restore_replaces_later_data(postgres: Postgres, ids: str, backup: Path, tmp_path: Path) -> None:
    postgres.sql("DELETE FROM metrics; CREATE TABLE IF NOT EXISTS later (i int)", "mlflow")
    postgres.sql("UPDATE work_pool SET name = 'damaged' WHERE name = 'studio'", "prefect")
    result = _script(postgres, "restore", str(backup), cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert postgres.sql("SELECT value FROM metrics", "mlflow") == "4.94"
    assert postgres.sql("SELECT name FROM work_pool WHERE name IN ('studio', 'damaged')", "prefect") == "studio"


def test_restore_of_a_damaged_backup_changes_nothing(
    postgres: Postgres, ids: str, backup: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(backup, copy)
    with (copy / "prefect.dump").open("r+b") as file:
        file.seek(5000)
        file.write(b"\0\1\2\3")
    postgres.sql("COMMENT ON DATABASE mlflow IS 'as it was'")
    result = _script(postgres, "restore", str(copy), cwd=tmp_path)
    assert result.returncode == 1
    assert "is damaged: nothing was changed" in result.stderr
    (copy / "SHA256SUMS").unlink()
    assert "no whole backup" in _script(postgres, "restore", str(copy), cwd=tmp_path).stderr
    assert not (tmp_path / "workspace").exists()


def test_restore_refuses_a_database_in_use(postgres: Postgres, ids: str, backup: Path, tmp_path: Path) -> None:
    command = [str(postgres.programs / "psql"), "-X", "-At", "-d", "prefect"]
    environment = os.environ | postgres.variables
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write("SELECT 'connected';\n")
        server.stdin.flush()
        assert server.stdout.readline() == "connected\n"
        result = _script(postgres, "restore", str(backup), cwd=tmp_path)
        server.stdin.close()
    assert result.returncode == 1
    assert "1 connections to database prefect: stop its server first; nothing was changed" in result.stderr


def test_backup_without_servers_saves_folders_only(postgres: Postgres, tmp_path: Path) -> None:
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a folder" / "mlflow.db").write_bytes(b"runs")
    made = _script(postgres, "backup", "backups", "a folder", cwd=tmp_path, STEMLINE_DATABASES="", PGPORT="9")
    assert made.returncode == 0, made.stderr
    (tmp_path / "a folder" / "mlflow.db").unlink()
    back = _script(postgres, "restore", made.stdout.strip(), cwd=tmp_path, PGPORT="9")
    assert back.returncode == 0, back.stderr
    assert (tmp_path / "a folder" / "mlflow.db").read_bytes() == b"runs"


@pytest.mark.parametrize(
    ("arguments", "more", "says"),
    [
        ([], {}, "give a folder for backups"),
        (["backups", "/etc"], {}, "name folders from here"),
        (["backups", "nowhere"], {}, "nowhere does not exist"),
        (["backups"], {"STEMLINE_DATABASES": "mlflow nowhere"}, "database nowhere was not saved"),
        (["backups"], {"PGPORT": "9"}, "database mlflow was not saved"),
    ],
)
def test_failed_backup_leaves_no_file(
    postgres: Postgres, arguments: list[str], more: dict[str, str], says: str, tmp_path: Path
) -> None:
    result = _script(postgres, "backup", *arguments, cwd=tmp_path, **more)
    assert result.returncode == 1
    assert says in result.stderr
    assert not list(tmp_path.glob("backups/*")) + list(tmp_path.glob("backups/.*"))


def test_compose_runs_each_tool_beside_its_server(postgres: Postgres, tmp_path: Path) -> None:
    """A replacement of compose runs the services' commands here and records them."""
    docker = tmp_path / "docker"
    (docker / "bin").mkdir(parents=True)
    (docker / "secrets").mkdir()
    (docker / "secrets" / "password").write_text("secret")
    (docker / ".env").write_text("A=1\n")
    for name in ("backup", "restore"):
        shutil.copy(BIN / name, docker / "bin" / name)
    compose = tmp_path / "compose"
    compose.write_text(
        f'#!/bin/sh\necho "$*" >> {tmp_path}/calls\n'
        'case $1 in exec) shift 3; exec "$@" ;; run) [ "$4" = s3-setup ] && shift 4; cat ;; esac < /dev/stdin\n'
    )
    compose.chmod(0o755)
    postgres.sql("DROP DATABASE IF EXISTS small")
    postgres.sql("CREATE DATABASE small")
    environment = {**os.environ, **postgres.variables, "STEMLINE_COMPOSE": f"{compose}", "STEMLINE_DATABASES": "small"}
    made = subprocess.run(
        ["sh", "docker/bin/backup", "backups"], env=environment, cwd=tmp_path, capture_output=True, text=True,
        input="", check=True, timeout=60,
    )  # fmt: skip
    folder = tmp_path / made.stdout.strip()
    assert {path.name for path in folder.iterdir()} == {"small.dump", "buckets.tar", "settings.tar", "SHA256SUMS"}
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[0] == "exec -T postgres pg_dump -U postgres --format=custom small"
    assert calls[-1] == "run --rm -T s3-setup backup mlflow stemline"
    names = subprocess.run(
        ["tar", "-tf", str(folder / "settings.tar")], capture_output=True, text=True, check=True
    ).stdout.split()
    assert names == ["secrets/", "secrets/password", ".env"]
