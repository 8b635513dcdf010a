"""What a job leaves beside the stems: its ledger, its summary, and the page to listen to.

_stemline/ledger.parquet, summary.json     of the last job: every recording of the catalogue, and the sums
_stemline/runs/<time>.json                 the summaries of all jobs
index.html                                 opens from a folder or a bucket, without a server
"""

from datetime import UTC, datetime
from pathlib import Path

from components.core.base.progress import format_duration
from components.core.data.catalogue_summary import CatalogueSummary
from components.core.stores.store import RECORDS, Store
from components.separate.ledger.destination_documents import encode_document, write_document
from components.separate.ledger.ledger_table import STATES, read_rows
from components.separate.ledger.page import PageHead, write_page

LEDGER, SUMMARY, PAGE = f"{RECORDS}/ledger.parquet", f"{RECORDS}/{CatalogueSummary.FILE}", "index.html"


def publish(summary: CatalogueSummary, ledger: Path, title: str, destination: Store) -> None:
    """Store the ledger, the summary and the page of a job; `title` is the page's."""
    now = datetime.now(UTC)
    ended = summary.model_copy(update={"ended": now.isoformat(timespec="seconds")})
    with destination.staging() as folder:
        write_page(folder / PAGE, _describe_job(summary, title, now), read_rows(ledger))
        destination.write(f"{RECORDS}/runs/{now:%Y%m%dT%H%M%S.%fZ}.json", encode_document(ended))
        destination.put(folder / PAGE, PAGE)
        destination.put(ledger, LEDGER)
        write_document(destination, SUMMARY, ended)


def _describe_job(summary: CatalogueSummary, title: str, ended: datetime) -> PageHead:
    figures = {"audio": format_duration(summary.catalogue_seconds), "flagged": str(summary.flagged)}
    if summary.done:
        figures |= {
            "separated now": format_duration(summary.audio_seconds),
            "speed": f"{summary.speed:.1f} × real time",
        }
    if summary.price_per_hour and summary.speed:
        figures["cost an hour of audio"] = f"{summary.price_per_audio_hour:.4f}"
    if summary.drift is not None:
        figures["drift"] = f"{summary.drift:.2f}{', over the limit' if summary.drifted else ''}"
    counts = {name: getattr(summary, name) for name in ("listed", *STATES)}
    return PageHead(title, f"{ended:%Y-%m-%d %H:%M} UTC", str(summary.settings.model), counts, figures)
