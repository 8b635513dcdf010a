"""Every recording has its row, whatever its name and its end, and thousands of rows need no memory."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.separate.ledger.account import Account
from components.separate.ledger.ledger_table import STATES, LedgerWriter, Row, read_rows, shown
from components.separate.recording.quality import FlagLimits


def _write(path: Path, rows: list[Row]) -> None:
    writer = LedgerWriter(path)
    for row in rows:
        writer.add(row)
    writer.close()


@given(keys=st.lists(st.text(min_size=1), unique=True, max_size=20))
def test_rows_are_read_back(keys: list[str]) -> None:
    import tempfile

    rows = [
        Row(
            key,
            STATES[number % 4],
            number,
            f"why {key}",
            1.5,
            stems={"vocals": "v.wav"},
            flags=("odd",),
            figures={"x": 1.0},
        )
        for number, key in enumerate(keys)
    ]
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder) / "l.parquet", rows)
        found = list(read_rows(Path(folder) / "l.parquet"))
    assert [row.key for row in found] == [shown(key) for key in keys]
    assert [(row.state, row.bytes, row.stems, row.flags, row.figures) for row in found] == [
        (row.state, row.bytes, row.stems, row.flags, row.figures) for row in rows
    ]


def test_many_rows_are_written_in_groups_and_pandas_reads_them(tmp_path: Path) -> None:
    _write(tmp_path / "l.parquet", [Row(f"{number:05d}.wav", "done", number) for number in range(2500)])
    table = pd.read_parquet(tmp_path / "l.parquet")
    assert len(table) == 2500
    assert table["bytes"].sum() == sum(range(2500))


def test_an_empty_ledger_is_one(tmp_path: Path) -> None:
    _write(tmp_path / "l.parquet", [])
    assert list(read_rows(tmp_path / "l.parquet")) == []


def test_the_account_adds_up(tmp_path: Path) -> None:
    account = Account(tmp_path / "l.parquet", FlagLimits())
    for number in range(10):
        account.add(Row(str(number), STATES[number % 4], 1, seconds=2.0))
    sums = account.close()
    assert sums["listed"] == 10 == sum(sums[state] for state in STATES)
    assert sums["audio_seconds"] == 2.0 * sums["done"]
    assert sums["catalogue_seconds"] == 20.0


@pytest.mark.parametrize("key", ["a", "caf\udce9", "\ud800"])
def test_any_name_can_be_shown(key: str) -> None:
    shown(key).encode()
