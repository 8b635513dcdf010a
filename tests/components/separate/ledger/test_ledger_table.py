"""The ledger has a row for every recording with any name and outcome, and needs little memory."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.data.stem_provenance import ModelUsed, Provenance, SourceFile, StemFile, StemOptions
from components.core.stores.selection import ListedFile
from components.separate.ledger.destination_documents import encode_document, parse_document
from components.separate.ledger.job_ledger import JobLedger
from components.separate.ledger.ledger_table import STATES, LedgerWriter, Row, describe_stems, printable_key, read_rows
from tests.components.separate.parameters import flag_limits


def _write(path: Path, rows: list[Row]) -> None:
    writer = LedgerWriter(path)
    for row in rows:
        writer.add(row)
    writer.close()


@given(keys=st.lists(st.text(min_size=1), unique=True, max_size=20))
def test_written_rows_are_read_back(keys: list[str]) -> None:
    import tempfile

    rows = [
        Row(
            key=key,
            state=STATES[number % 4],
            bytes=number,
            reason=f"why {key}",
            seconds=1.5,
            stems={"vocals": "v.wav"},
            flags=("odd",),
            figures={"x": 1.0},
        )
        for number, key in enumerate(keys)
    ]
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder) / "l.parquet", rows)
        found = list(read_rows(Path(folder) / "l.parquet"))
    assert [row.key for row in found] == [printable_key(key) for key in keys]
    assert [(row.state, row.bytes, row.stems, row.flags, row.figures) for row in found] == [
        (row.state, row.bytes, row.stems, row.flags, row.figures) for row in rows
    ]


def test_row_of_a_provenance_file_has_the_stems_in_the_order_of_the_model() -> None:
    stems = ("drums", "vocals", "bass")
    made = Provenance(
        source=SourceFile(store="in", key="a", bytes=1, stamp="1", sha256="", samples=1, rate=1, channels=1),
        model=ModelUsed(name="four", sha256="", network={}, targets=(*stems, "other")),
        options=StemOptions(format="wav", post={}, precision="fp32", stems=stems),
        stems={target: StemFile(file=f"{target}.wav", sha256="") for target in stems},
        code="",
    )
    kept = parse_document(encode_document(made), Provenance)
    assert kept is not None
    assert list(describe_stems("skipped", ListedFile("a", 1, "1"), kept).stems) == list(stems)


def test_many_rows_are_written_in_groups_for_pandas(tmp_path: Path) -> None:
    _write(tmp_path / "l.parquet", [Row(key=f"{number:05d}.wav", state="done", bytes=number) for number in range(2500)])
    table = pd.read_parquet(tmp_path / "l.parquet")
    assert len(table) == 2500
    assert table["bytes"].sum() == sum(range(2500))


def test_ledger_can_be_empty(tmp_path: Path) -> None:
    _write(tmp_path / "l.parquet", [])
    assert list(read_rows(tmp_path / "l.parquet")) == []


def test_counts_add_up_to_the_rows(tmp_path: Path) -> None:
    ledger = JobLedger(tmp_path / "l.parquet", flag_limits())
    for number in range(10):
        ledger.add(Row(key=str(number), state=STATES[number % 4], bytes=1, seconds=2.0))
    assert ledger.close() is None  # no profile, so no drift
    assert ledger.states.total() == 10 == sum(ledger.states[state] for state in STATES)
    assert ledger.audio_seconds == 2.0 * ledger.states["done"]
    assert ledger.catalogue_seconds == 20.0


@pytest.mark.parametrize("key", ["a", "caf\udce9", "\ud800"])
def test_printable_key_accepts_any_name(key: str) -> None:
    printable_key(key).encode()
