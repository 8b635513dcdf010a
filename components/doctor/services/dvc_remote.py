"""Check of DVC's remote: can results be pushed to it and fetched from it?

`python -m components.doctor.services.dvc_remote` tries the remote and prints its address and the ms, or nothing when
there is none. It is a program of its own, because DVC's clients start threads and retry for minutes.
"""

import sys
import time
from typing import Any

from components.core.base.errors import UserError
from components.core.base.process_lifetime import end_with_parent
from components.core.stores.process_owner import Owner
from components.doctor.finding import Findings, not_used, ok, problem
from components.doctor.module_output import read_module_output

_SUBJECT = "DVC remote"
_SECONDS = 40.0
_DATA = b"stemline doctor: may be deleted"


def check_dvc_remote() -> Findings:
    """Write, read and delete a small file in the default remote."""
    try:
        answer = read_module_output("components.doctor.services.dvc_remote", seconds=_SECONDS).split()
    except UserError as error:
        remedy = "check `dvc remote list`, the key's rights and AWS_ENDPOINT_URL; `dvc doctor` shows DVC's own set-up"
        yield problem(_SUBJECT, str(error), remedy)
        return
    if answer:
        address, milliseconds = answer
        yield ok(_SUBJECT, f"{address}: write, read, delete: {milliseconds} ms")
    else:
        remedy = "to keep and share results: dvc remote add -d NAME s3://bucket/folder, then dvc push"
        yield not_used(_SUBJECT, "none is set: results are only in this machine's cache", remedy)


def try_remote() -> None:
    """Try the remote of the project in this folder; on failure print one line on stderr and end with 1."""
    from dvc.exceptions import DvcException  # an image that only separates has no DVC
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            name = repo.config["core"].get("remote")
            if name is not None:
                remote = repo.cloud.get_remote(name)
                print(repo.config["remote"][name]["url"], round(1000 * _try_remote(remote.fs, remote.path)))
    except (DvcException, OSError) as error:
        sys.exit(" ".join(str(error).split()) or type(error).__name__)


def _try_remote(file_system: Any, folder: str) -> float:
    """Write, read and delete a file below `folder`; return the seconds it took."""
    path = file_system.join(folder, "_stemline-doctor", Owner.this().label)
    began = time.perf_counter()
    file_system.makedirs(file_system.parent(path), exist_ok=True)
    file_system.pipe_file(path, _DATA)
    try:
        if file_system.cat_file(path) != _DATA:
            raise OSError(f"{path}: the bytes read differ from the bytes written")
    finally:
        file_system.rm_file(path)
    return time.perf_counter() - began


if __name__ == "__main__":
    end_with_parent()
    try_remote()
