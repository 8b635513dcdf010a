"""What a job leaves beside the stems: its ledger, its summary, and the page to listen to.

_stemline/ledger.parquet, summary.json     of the last job: every recording of the catalogue, and the sums
_stemline/runs/<time>.json                 the summaries of all jobs
index.html                                 opens from a folder or a bucket, without a server
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from components.core.base.files import write_json
from components.core.base.progress import format_duration
from components.core.stores.store import PROVENANCE, RECORDS, Store
from components.separate.ledger.account import Summary
from components.separate.ledger.ledger_table import Row, read_rows
from components.separate.ledger.page import PageSummary, PageTrack, write_page

LEDGER, SUMMARY, PAGE = f"{RECORDS}/ledger.parquet", f"{RECORDS}/summary.json", "index.html"


def publish(summary: Summary, ledger: Path, title: str, destination: Store) -> None:
    """Store the ledger, the summary and the page of a job; `title` is the page's."""
    made = datetime.now(UTC)
    with destination.staging() as folder:
        write_json(folder / "summary.json", {**summary.document(), "ended": made.isoformat(timespec="seconds")})
        write_page(folder / PAGE, page_summary(summary, title, made), page_tracks(ledger))
        # the run's own file first: `put` may move what it stores
        destination.write(f"{RECORDS}/runs/{made:%Y%m%dT%H%M%S.%fZ}.json", (folder / "summary.json").read_bytes())
        destination.put(folder / PAGE, PAGE)
        destination.put(ledger, LEDGER)
        destination.put(folder / "summary.json", SUMMARY)


def page_summary(summary: Summary, title: str, made: datetime) -> PageSummary:
    """Return the head of the page."""
    figures = {"audio": format_duration(summary.catalogue_seconds), "flagged": str(summary.flagged)}
    if summary.done:
        figures |= {
            "separated now": format_duration(summary.audio_seconds),
            "speed": f"{summary.speed:.1f} × real time",
        }
    if summary.price_per_hour and summary.speed:
        figures["cost an hour of audio"] = f"{summary.price_per_audio_hour:.4f}"
    if not math.isnan(summary.drift):
        figures["drift"] = f"{summary.drift:.2f}{', over the limit' if summary.drifted else ''}"
    counts = {name: getattr(summary, name) for name in ("listed", "done", "skipped", "quarantined", "failed")}
    return PageSummary(title, f"{made:%Y-%m-%d %H:%M} UTC", summary.model, counts, figures)


def page_tracks(ledger: Path) -> Iterator[PageTrack]:
    """Yield the rows of a ledger as the page shows them, a few in memory."""
    for row in read_rows(ledger):
        model = {"model": row.model, "model SHA-256": row.model_sha256}
        details = {"source SHA-256": row.sha256, **model, "code": row.code}
        yield PageTrack(
            key=row.key,
            state=row.state,
            reason=row.reason,
            seconds=row.seconds,
            stems={target: _link(row, name) for target, name in row.stems.items()},
            picture=_link(row, row.picture) if row.picture else "",
            flags=row.flags,
            figures={name: row.figures[name] for name in _in_order(row)},
            details={**details, "provenance": f"{row.key}/{PROVENANCE}"} if row.stems else {},
        )


def _in_order(row: Row) -> list[str]:
    """Return the names of a row's figures, the telling ones first; what is left by the other stems needs no column."""
    shares = [f"{target}_share" for target in row.stems][:-1]
    first = [name for name in (*shares, "distance", "level_db") if name in row.figures]
    last_share = {f"{target}_share" for target in list(row.stems)[-1:]}
    return first + [name for name in row.figures if name not in {*first, *last_share}]


def _link(row: Row, name: str) -> str:
    return quote(f"{row.key}/{name}")
