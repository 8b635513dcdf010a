"""`python -m components.doctor.project.dvc_trial`: try DVC's default remote; print its address and the time.

Prints nothing where there is no remote. A program of its own, since DVC's clients hold threads and retry for long.
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
    """Try the remote of the project in this folder; ends with 1 and one line on stderr where that fails."""
    try:
        with Repo() as repo:
            name = repo.config["core"].get("remote")
            if name is not None:
                remote = repo.cloud.get_remote(name)
                print(repo.config["remote"][name]["url"], round(1000 * _try(remote.fs, remote.path)))
    except (DvcException, OSError) as error:
        sys.exit(" ".join(str(error).split()) or type(error).__name__)


def _try(files: Any, folder: str) -> float:
    """Return the seconds that writing, reading and deleting a file below `folder` takes."""
    path = files.join(folder, "_stemline-doctor", Owner.this().label)
    began = time.perf_counter()
    files.makedirs(files.parent(path), exist_ok=True)
    files.pipe_file(path, _DATA)
    try:
        if files.cat_file(path) != _DATA:
            raise OSError(f"{path} does not hold what was written")
    finally:
        files.rm_file(path)
    return time.perf_counter() - began


if __name__ == "__main__":
    end_with_parent()
    main()
