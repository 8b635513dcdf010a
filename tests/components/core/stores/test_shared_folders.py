"""Many threads and processes make, remove and sweep the same folders: every file is made, and by one of them only."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from components.core.base.errors import UserError
from components.core.base.files import in_shared_folder, remove_if_empty, write_text
from components.core.stores.opening import open_store
from tests.support.tiny_models import environment

THREADS, ROUNDS = 8, 30


def _in_threads(work: Callable[[int], None]) -> None:
    """Run `work` on several threads at once; raises the first error of any."""
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))


def test_files_are_created_while_others_stage_and_sweep(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))

    def work(thread: int) -> None:
        for number in range(ROUNDS):
            assert store.create(f"journal/{thread}-{number}.json", b"entry")
            assert not store.create(f"journal/{thread}-{number}.json", b"another")
            if number % 10 == 0:
                store.sweep()

    _in_threads(work)
    assert len(list((tmp_path / "journal").iterdir())) == THREADS * ROUNDS
    assert not (tmp_path / "_stemline" / "staging").exists()


def test_claims_are_taken_and_released_in_one_folder(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))

    def work(thread: int) -> None:
        for _ in range(ROUNDS):
            assert store.create(f"_stemline/claims/song/{thread}", b"claim")
            store.write(f"_stemline/claims/song/{thread}", b"renewed")
            store.delete(f"_stemline/claims/song/{thread}")

    _in_threads(work)
    assert list(store.keys()) == []


def test_files_are_written_into_a_folder_that_others_remove(tmp_path: Path) -> None:
    def work(thread: int) -> None:
        for _ in range(ROUNDS):
            path = tmp_path / "a" / "b" / f"{thread}.txt"
            write_text(path, "text")
            path.unlink()
            remove_if_empty(path.parent)
            remove_if_empty(path.parent.parent)

    _in_threads(work)


def test_a_file_in_the_place_of_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        in_shared_folder(tmp_path / "file", lambda: None)
    with pytest.raises(UserError, match="a file lies where a folder must be"):
        open_store(str(tmp_path)).create("file/entry.json", b"entry")


PROCESS = """
import sys
from pathlib import Path
from components.core.stores.opening import open_store
root, process = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for number in range(40):
    store = open_store(str(root))
    assert store.create(f"_stemline/claims/song/{process}", b"claim")
    store.delete(f"_stemline/claims/song/{process}")
    print(store.create(f"journal/{number}.json", process.encode()))
    store.sweep()
"""


@pytest.mark.slow
def test_processes_share_a_root(tmp_path: Path) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(tmp_path), str(number)],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    answers = []
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        output, errors = worker.communicate(timeout=120)
        assert worker.returncode == 0, errors
        answers += output.split()
    assert (answers.count("True"), answers.count("False")) == (40, 120)
