"""The ledger: a Parquet table with a row for each recording; only some rows are in memory at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from components.core.data.stem_provenance import Provenance
from components.core.stores.selection import ListedFile

State = Literal["done", "skipped", "quarantined", "failed"]
STATES: tuple[State, ...] = ("done", "skipped", "quarantined", "failed")
"""done: separated now; skipped: done before, with the same source, model and options; failed: to be tried again."""

NOT_SEPARATED: tuple[State, ...] = ("quarantined", "failed")

_ROWS_IN_MEMORY = 1000


_Text = Annotated[str, pa.string()]
_Number = Annotated[float, pa.float64()]
_Count = Annotated[int, pa.int32()]
_Numbers = Annotated[Mapping[str, float], pa.map_(pa.string(), pa.float64())]


@dataclass(frozen=True, kw_only=True)
class Row:
    """The result of a recording: a row of the ledger. Workers report it, and the page shows it.

    reason          why it is quarantined or failed, or what its stems do not have
    seconds         length of the recording
    code            git commit that separated it
    stems           target to file name, in the order of the picture
    picture         file name of the spectrogram
    flags           why a person should listen to it
    figures         measurements by name (see `Quality.figures`)
    features        features that give the distance from the training's music
    worker_seconds  always 0; older ledgers have the column
    attempts        number of tries, for quarantined and failed
    """

    key: _Text
    state: Annotated[State, pa.string()]
    reason: _Text = ""
    seconds: _Number = 0.0
    bytes: Annotated[int, pa.int64()] = 0
    sha256: _Text = ""
    rate: _Count = 0
    channels: _Count = 0
    model: _Text = ""
    model_sha256: _Text = ""
    code: _Text = ""
    stems: Annotated[Mapping[str, str], pa.map_(pa.string(), pa.string())] = field(default_factory=dict)
    picture: _Text = ""
    flags: Annotated[tuple[str, ...], pa.list_(pa.string())] = ()
    figures: _Numbers = field(default_factory=dict)
    features: _Numbers = field(default_factory=dict)
    worker_seconds: _Number = 0.0
    attempts: _Count = 0


_REQUIRED = ("key", "state")
SCHEMA = pa.schema(
    [
        pa.field(name, hint.__metadata__[0], nullable=name not in _REQUIRED)
        for name, hint in get_type_hints(Row, include_extras=True).items()
    ]
)
"""The columns of the ledger: the fields of Row, with the Arrow types that they are annotated with."""


def describe_stems(state: State, entry: ListedFile, provenance: Provenance) -> Row:
    """Return the row of a recording whose stems are at the destination."""
    source, model = provenance.source, provenance.model
    return Row(
        key=entry.key,
        state=state,
        bytes=entry.size,
        seconds=source.samples / source.rate,
        sha256=source.sha256,
        rate=source.rate,
        channels=source.channels,
        model=str(model),
        model_sha256=model.sha256,
        code=provenance.code,
        # in the model's order, which the picture has: the file of a provenance sorts its stems by name
        stems={target: provenance.stems[target].file for target in provenance.options.stems},
        picture=provenance.picture,
        reason=f"left out: {', '.join(provenance.left_out)}" if provenance.left_out else "",
        figures=provenance.figures,
        features=provenance.features,
    )


def describe_failure(entry: ListedFile, reason: str, attempts: int = 0) -> Row:
    """Return the row of a recording that the next job tries again."""
    return Row(key=entry.key, state="failed", bytes=entry.size, reason=reason, attempts=attempts)


def printable_key(key: str) -> str:
    """Return a key as text that any file and screen takes: bytes that are not UTF-8 are escaped."""
    return key.encode("utf-8", "backslashreplace").decode()


class LedgerWriter:
    """Writes rows to a Parquet file, a thousand at a time."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def add(self, row: Row) -> None:
        """Add a row."""
        values = {name: getattr(row, name) for name in SCHEMA.names}
        values |= {"key": printable_key(row.key), "reason": printable_key(row.reason), "flags": list(row.flags)}
        self._rows.append(values)
        if len(self._rows) >= _ROWS_IN_MEMORY:
            self._flush()

    def close(self) -> None:
        """Write the remaining rows and finish the file."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, SCHEMA))
            self._rows = []


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a ledger; a thousand are in memory at once."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_ROWS_IN_MEMORY):
            for values in batch.to_pylist():
                maps = {name: dict(values[name] or ()) for name in ("stems", "figures", "features")}
                yield Row(**{**values, **maps, "flags": tuple(values["flags"] or ())})
