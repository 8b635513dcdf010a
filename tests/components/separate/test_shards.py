"""A catalogue is cut into shards of about the same size; each is separated alone, and one ledger covers all."""

from contextlib import nullcontext
from pathlib import Path

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from components.core.base.errors import UserError
from components.core.models.addresses import fetch_model
from components.core.stores.selection import ListedFile
from components.separate import shards
from components.separate.config import JobOptions
from components.separate.job import Job
from components.separate.listing.plan import NEW, Task
from tests.components.separate.in_process_job import rows
from tests.components.separate.parameters import separate_config
from tests.support.tiny_models import noise, save_tiny_model

pytestmark = pytest.mark.usefixtures("in_process")


@given(sizes=st.lists(st.integers(0, 1000), max_size=40), count=st.integers(1, 8))
def test_shards_are_even_and_complete(sizes: list[int], count: int) -> None:
    tasks = [Task(ListedFile(f"{number}.wav", size, ""), NEW) for number, size in enumerate(sizes)]
    shared = shards.divide_tasks(tasks, count)
    assert len(shared) == min(count, len(tasks))
    assert sorted(task.entry.key for part in shared for task in part) == sorted(task.entry.key for task in tasks)
    loads = [sum(task.entry.size for task in part) for part in shared]
    assert max(loads, default=0) - min(loads, default=0) <= max(sizes, default=0)


@pytest.mark.slow
def test_cut_run_and_gather_give_one_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    for number in range(6):
        soundfile.write(tmp_path / "in" / f"{number}.wav", noise(number, 2000 * (1 + number)).T, 44100)
    (tmp_path / "in" / "bad.wav").write_bytes(b"rubbish" * 100)
    address = fetch_model(str(save_tiny_model(tmp_path / "model")), tmp_path)
    job = Job(address, separate_config(), str(tmp_path / "in"), str(tmp_path / "out"))
    assert shards.cut(job, 3) == 3
    for number in (0, 2):  # the worker of 1 died
        with pytest.raises(SystemExit) if _has_bad(tmp_path / "out", number) else nullcontext():
            shards.run(job, number)
    with pytest.raises(SystemExit, match="4"):
        shards.gather(job, 3)
    found = rows(tmp_path / "out")
    assert len(found) == 7
    assert {key: row.state for key, row in found.items()} == {
        **{f"{number}.wav": "done" for number in range(6)},
        "bad.wav": "quarantined",
    }
    assert not list((tmp_path / "out" / "_stemline" / "shards").glob("*"))


@pytest.mark.parametrize(("limit", "count", "says"), [(0, 0, "give 1 or more"), (5, 2, "--manifest")])
def test_impossible_cut_is_a_user_error(tmp_path: Path, limit: int, count: int, says: str) -> None:
    (tmp_path / "in").mkdir()
    address = fetch_model(str(save_tiny_model(tmp_path / "model")), tmp_path)
    options = JobOptions(limit=limit or None)
    job = Job(address, separate_config(), str(tmp_path / "in"), str(tmp_path / "out"), options)
    with pytest.raises(UserError, match=says):
        shards.cut(job, count)


def _has_bad(out: Path, number: int) -> bool:
    return "bad.wav" in (out / "_stemline" / "shards" / f"{number}.csv").read_text(encoding="utf-8")
