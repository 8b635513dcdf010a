"""What became of every recording: a Parquet table with a row a recording, written as they end, a few in memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from components.core.stores.store import ListedFile

State = Literal["done", "skipped", "quarantined", "failed"]
STATES: tuple[State, ...] = ("done", "skipped", "quarantined", "failed")
"""done: separated now; skipped: done before, the same source, model and options; failed: to be tried again."""

_ROWS_IN_MEMORY = 1000
SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("seconds", pa.float64()),
        pa.field("bytes", pa.int64()),
        pa.field("sha256", pa.string()),
        pa.field("rate", pa.int32()),
        pa.field("channels", pa.int32()),
        pa.field("model", pa.string()),
        pa.field("model_sha256", pa.string()),
        pa.field("code", pa.string()),
        pa.field("stems", pa.map_(pa.string(), pa.string())),
        pa.field("picture", pa.string()),
        pa.field("flags", pa.list_(pa.string())),
        pa.field("figures", pa.map_(pa.string(), pa.float64())),
        pa.field("features", pa.map_(pa.string(), pa.float64())),
        pa.field("worker_seconds", pa.float64()),
        pa.field("attempts", pa.int32()),
    ]
)
"""Columns of the ledger; `seconds` of audio, `stems` target to file name, `figures` as quality.py names them."""


@dataclass(frozen=True)
class Row:
    """A recording's row; see SCHEMA."""

    key: str
    state: State
    bytes: int
    reason: str = ""
    seconds: float = 0.0
    sha256: str = ""
    rate: int = 0
    channels: int = 0
    model: str = ""
    model_sha256: str = ""
    code: str = ""
    stems: Mapping[str, str] = field(default_factory=dict)
    picture: str = ""
    flags: tuple[str, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    features: Mapping[str, float] = field(default_factory=dict)
    worker_seconds: float = 0.0
    attempts: int = 0


def row_of_provenance(state: State, entry: ListedFile, document: Mapping[str, Any], **more: Any) -> Row:
    """Return the row of a recording whose stems are there, by its provenance file."""
    source, model = document["source"], document["model"]
    return Row(
        key=entry.key,
        state=state,
        bytes=entry.size,
        seconds=source["samples"] / source["rate"],
        sha256=source["sha256"],
        rate=source["rate"],
        channels=source["channels"],
        model=f"{model['name']} {model['version']}" if model["version"] else str(model["name"]),
        model_sha256=model["sha256"],
        code=document["code"],
        stems={target: stem["file"] for target, stem in document["stems"].items()},
        picture=document.get("picture", ""),
        figures=document.get("figures", {}),
        features=document.get("features", {}),
        **more,
    )


def shown(key: str) -> str:
    """Return a key as text that every file and screen takes: bytes that are no UTF-8 are spelled out."""
    return key.encode("utf-8", "backslashreplace").decode()


class LedgerWriter:
    """Writes rows to a Parquet file, a thousand at a time."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def add(self, row: Row) -> None:
        """Add a row."""
        values = {name: getattr(row, name) for name in SCHEMA.names}
        values |= {"key": shown(row.key), "reason": shown(row.reason), "flags": list(row.flags)}
        self._rows.append(values)
        if len(self._rows) >= _ROWS_IN_MEMORY:
            self._flush()

    def close(self) -> None:
        """Write what is left, and end the file."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, SCHEMA))
            self._rows = []


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a ledger, a thousand at a time in memory."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_ROWS_IN_MEMORY):
            for values in batch.to_pylist():
                maps = {name: dict(values[name] or ()) for name in ("stems", "figures", "features")}
                yield Row(**{**values, **maps, "flags": tuple(values["flags"] or ())})
