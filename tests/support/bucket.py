"""A real S3 store on this machine that asks for credentials, and can be stopped and started again."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.support.processes import free_port

NAME = "music"


def _ports() -> dict[str, int]:
    return {name: free_port() for name in ("s3", "master", "volume", "filer")}


@dataclass
class Bucket:
    """An S3 server that keeps the bucket NAME in `folder`. `variables` are the environment of its clients."""

    folder: Path
    secret: str = "a-secret"
    ports: dict[str, int] = field(default_factory=_ports)
    server: "subprocess.Popen[bytes] | None" = None

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of a client."""
        return {
            "AWS_ACCESS_KEY_ID": "stemline",
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.ports['s3']}",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def start(self) -> None:
        """Start the server on the data of its last start, and wait until its bucket works."""
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

    def put(self, local: Path, key: str) -> None:
        """Copy a file, or all files of a folder, to the bucket."""
        files = [path for path in local.rglob("*") if path.is_file()] if local.is_dir() else [local]
        for path in files:
            below = path.relative_to(local).as_posix()
            self._client().upload_file(str(path), NAME, key if path == local else f"{key}/{below}")

    def get(self, key: str, local: Path) -> None:
        """Copy a folder of the bucket to `local`."""
        client = self._client()
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=NAME, Prefix=f"{key}/"):
            for entry in page.get("Contents", []):
                path = local / entry["Key"].removeprefix(f"{key}/")
                path.parent.mkdir(parents=True, exist_ok=True)
                client.download_file(NAME, entry["Key"], str(path))

    def _wait(self, server: "subprocess.Popen[bytes]") -> None:
        """Wait until the server has made its bucket and stores objects."""
        client, deadline = self._client(), time.monotonic() + 60
        while time.monotonic() < deadline:
            assert server.poll() is None, (self.folder / "weed.log").read_text(errors="replace")[-2000:]
            try:
                client.put_object(Bucket=NAME, Key="is-it-ready", Body=b"yes")
                client.delete_object(Bucket=NAME, Key="is-it-ready")
                return
            except (BotoCoreError, ClientError):
                time.sleep(0.1)
        raise AssertionError(f"no bucket {NAME} on port {self.ports['s3']}")

    def _client(self) -> Any:
        """Return a client without retries, with this bucket's credentials instead of the environment's."""
        variables = self.variables
        return boto3.Session().client(
            "s3",
            endpoint_url=variables["AWS_ENDPOINT_URL"],
            region_name=variables["AWS_DEFAULT_REGION"],
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"total_max_attempts": 1}),
        )
