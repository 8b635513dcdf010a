"""A real S3 store on this machine that asks for credentials, and can be stopped and started again."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.tiny_models import run_python

NAME = "music"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _ports() -> dict[str, int]:
    return {name: _free_port() for name in ("s3", "master", "volume", "filer")}


@dataclass
class Bucket:
    """A server with the bucket NAME in `folder`; `variables` are what a client needs to reach it."""

    folder: Path
    secret: str = "a-secret"
    ports: dict[str, int] = field(default_factory=_ports)
    server: "subprocess.Popen[bytes] | None" = None

    @property
    def variables(self) -> dict[str, str]:
        """What a client's environment must say."""
        return {
            "AWS_ACCESS_KEY_ID": "stemline",
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.ports['s3']}",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def start(self) -> None:
        """Start the server, with the data that it had, and wait until it answers."""
        weed = Path(sys.executable).parent / "weed"
        command = [str(weed), "mini", f"-dir={self.folder / 'weed'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
        command += [f"-bucket={NAME}", f"-s3.port={self.ports['s3']}", "-s3.port.iceberg=0", "-s3.port.lance=0"]
        command += ["-admin.ui=false", "-webdav=false"]
        command += [f"-{name}.port={self.ports[name]}" for name in ("master", "volume", "filer")]
        (self.folder / "weed").mkdir(exist_ok=True)
        with (self.folder / "weed.log").open("ab") as log:
            environment = os.environ | self.variables
            self.server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=self.folder)
        self._wait(self.server)

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End the server."""
        if self.server is not None:
            self.server.send_signal(how)
            self.server.wait()
        self.server = None

    def _wait(self, server: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert server.poll() is None, (self.folder / "weed.log").read_text(errors="replace")[-2000:]
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", self.ports["s3"])) == 0:
                    time.sleep(2.0)  # until the bucket is made
                    return
            time.sleep(0.1)
        raise AssertionError(f"no server on port {self.ports['s3']}")

    def put(self, local: Path, key: str) -> None:
        """Copy a folder or a file to the bucket."""
        self._copy("put", f"{local}/" if local.is_dir() else str(local), f"{NAME}/{key}")

    def get(self, key: str, local: Path) -> None:
        """Copy a folder of the bucket to `local`."""
        self._copy("get", f"{NAME}/{key}/", f"{local}/")

    def _copy(self, *arguments: str) -> None:
        result = run_python("-c", _COPY, *arguments, more=self.variables)
        assert result.returncode == 0, result.stderr


_COPY = """
import sys, s3fs
files = s3fs.S3FileSystem()
getattr(files, sys.argv[1])(sys.argv[2], sys.argv[3], recursive=True)
"""
