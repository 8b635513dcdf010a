"""`python -m components.doctor.services.dvc_remote_trial`: tries DVC's default remote; prints its address and the ms.

Prints nothing when there is no remote. It is a program of its own, because DVC's clients start threads and retry for
minutes.
"""

import sys
import time
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo

from components.core.base.process_lifetime import end_with_parent
from components.core.stores.owner import Owner

_DATA = b"stemline doctor: may be deleted"


def main() -> None:
    """Try the remote of the project in this folder; on failure print one line on stderr and end with 1."""
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
    main()
