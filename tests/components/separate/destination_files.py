"""The files of a destination: those of recordings by their digests, and the ledger."""

import json
from pathlib import Path

from components.core.base.files import digest_file
from components.core.stores.selection import RECORDS
from components.separate.ledger.ledger_table import Row, read_rows


def files(folder: Path) -> dict[str, str]:
    """Return digests by name of the files that belong to recordings."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    named = {path.relative_to(folder).as_posix(): path for path in paths}
    return {
        name: digest_file(path) for name, path in named.items() if name != "index.html" and not name.startswith(RECORDS)
    }


def stems(folder: Path) -> dict[str, str]:
    """Return the same without the provenance, which names the store of the recordings."""
    return {name: digest for name, digest in files(folder).items() if not name.endswith("provenance.json")}


def ledger(folder: Path) -> dict[str, Row]:
    """Return the rows of the last job by key, which add up to its summary."""
    found = list(read_rows(folder / RECORDS / "ledger.parquet"))
    by_key = {row.key: row for row in found}
    assert len(by_key) == len(found)
    summary = json.loads((folder / RECORDS / "summary.json").read_text(encoding="utf-8"))
    states = [row.state for row in found]
    assert {state: states.count(state) for state in ("done", "skipped", "quarantined", "failed")} == {
        state: summary[state] for state in ("done", "skipped", "quarantined", "failed")
    }
    assert summary["listed"] == len(found)
    return by_key
