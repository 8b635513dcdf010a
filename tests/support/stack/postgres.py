"""A real PostgreSQL with the two roles and databases of docker/postgres/10-databases.sql."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from tests.support.processes import free_port, wait_until

ROOT = Path(__file__).parents[3]
DATABASES = ("mlflow", "prefect")
MISSING = "PostgreSQL is not installed: sudo apt-get install postgresql"


def postgres_programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, or None if they are not installed."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = str(installed[-1]) if installed else shutil.which("initdb")
    return Path(found).parent if found else None


class Postgres:
    """A server in a folder below /tmp, since the path of a socket must be short."""

    def __init__(self, programs: Path, passwords: Mapping[str, str]) -> None:
        self.programs, self.passwords = programs, passwords
        self.folder = Path(tempfile.mkdtemp(prefix="stemline-pg-", dir="/tmp"))
        self.port = free_port()
        self._as: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            shutil.chown(self.folder, "postgres")
            self._as = ["runuser", "-u", "postgres", "--"]

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables with which psql, pg_dump and our scripts connect as the superuser."""
        path = f"{self.programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        where = {"PGHOST": str(self.folder), "PGPORT": str(self.port), "PGUSER": "postgres"}
        return {**where, "PATH": path, "LC_ALL": "C.UTF-8"}

    def url(self, driver: str, name: str) -> str:
        """Return the address of a database, without its password (PGPASSWORD)."""
        return f"postgresql+{driver}://{name}@127.0.0.1:{self.port}/{name}"

    def make(self, *options: str) -> None:
        """Make the cluster with these options of initdb, start it, and make roles and databases as the stack does."""
        data = str(self.folder / "data")
        methods = ["--auth-local=trust", "--auth-host=scram-sha-256"]
        self._run("initdb", "-D", data, "-U", "postgres", *methods, "--no-sync", *options)
        self.start()
        files = {}
        for name in DATABASES:
            path = self.folder / f"{name}_password"
            path.write_text(self.passwords[name])
            files[f"{name.upper()}_DB_PASSWORD_FILE"] = str(path)
        script = ROOT / "docker" / "postgres" / "10-databases.sql"
        self._psql(["-f", str(script)], files)

    def start(self) -> None:
        """Start it on the data that it has, and wait until it answers."""
        options = f"-p {self.port} -k {self.folder} -h 127.0.0.1 -F"
        data = str(self.folder / "data")
        self._run("pg_ctl", "-D", data, "-w", "-t", "120", "-l", str(self.folder / "log"), "-o", options, "start")

    def kill(self) -> None:
        """Kill the server's first process with -9; its children see that and end."""
        pid_file = self.folder / "data" / "postmaster.pid"
        pid = int(pid_file.read_text().splitlines()[0])
        with suppress(psutil.NoSuchProcess):
            server = psutil.Process(pid)
            children = server.children(recursive=True)
            server.kill()
            psutil.wait_procs([server], timeout=60)
            wait_until(lambda: not any(child.is_running() for child in children), "PostgreSQL's processes to end")

    def remove(self) -> None:
        """Stop the server and delete its folder."""
        with suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self.folder)

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Return the result of a statement as text without a header."""
        return self._psql(["-d", database, "-c", statement], {}).strip()

    def _psql(self, arguments: list[str], more: Mapping[str, str]) -> str:
        command = [str(self.programs / "psql"), "-X", "-At", "-v", "ON_ERROR_STOP=1", *arguments]
        environment = {**os.environ, **self.variables, **more}
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(self.programs / program), *arguments]
        subprocess.run(command, check=True, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
