"""The page of a whole catalogue: every recording with its state, its figures, and its stems to listen to.

The page is a single file. It needs only the stems and pictures that it links to, so it opens from a folder or a bucket,
without a server. The same ledger gives the same bytes.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from components.core.base.files import whole_file
from components.core.base.progress import format_duration
from components.core.data.separation_summary import SeparationSummary
from components.separate.ledger.destination_documents import provenance_key
from components.separate.ledger.ledger_table import STATES, Row
from components.separate.recording import spectrogram_picture

_TEMPLATE = "page.html"
_VOCALS = "vocals"


@dataclass(frozen=True)
class PageHead:
    """The head of the page: the source, when and by which model it was separated, and the sums."""

    title: str
    made: str
    model: str
    counts: Mapping[str, int]
    figures: Mapping[str, str]


def describe_job(summary: SeparationSummary, title: str, ended: datetime) -> PageHead:
    """Return the head of the page of a job that has `ended`."""
    figures = {"audio": format_duration(summary.catalogue_seconds)}
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


def write_page(path: Path, head: PageHead, rows: Iterable[Row]) -> None:
    """Write the page, whole or not at all; `rows` are read once, one at a time."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template(_TEMPLATE)
    page = template.stream(summary=head, picture=spectrogram_picture, tracks=map(_as_script, rows))
    # a name that is not UTF-8 has lone surrogates, which no file can hold: they become question marks
    with whole_file(path) as partial, partial.open("w", encoding="utf-8", errors="replace") as file:
        file.writelines(page)


def _as_script(row: Row) -> Markup:
    """Return a row as JSON that can't end the script element that it stands in.

    The end of a figure's name says how the page writes it: `_db` with a decimal, `_share` in per cent, `_seconds` as a
    time; NaN is a dash. The order of the stems is that of the buttons, the order of the lanes that of the picture.
    """
    document = {
        "key": row.key,
        "state": row.state,
        "reason": row.reason,
        "seconds": _as_json(row.seconds),
        "stems": {target: _link(row, row.stems[target]) for target in _order_stems(row)},
        "lanes": list(row.stems),
        "picture": _link(row, row.picture) if row.picture else "",
        "flags": row.flags,
        "figures": {name: _as_json(row.figures[name]) for name in _order_figures(row)},
        "details": _list_details(row) if row.stems else {},
    }
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))  # within a script element, nothing else is markup


def _list_details(row: Row) -> dict[str, str]:
    return {
        "source SHA-256": row.sha256,
        "model": row.model,
        "model SHA-256": row.model_sha256,
        "code": row.code,
        "provenance": provenance_key(row.key),
    }


def _order_figures(row: Row) -> list[str]:
    """Return the names of a row's figures, the most telling first; the last stem's share follows from the others."""
    shares = [f"{target}_share" for target in _order_stems(row)]
    first = [name for name in (*shares[:-1], "distance", "level_db") if name in row.figures]
    return first + [name for name in row.figures if name not in {*first, *shares[-1:]}]


def _order_stems(row: Row) -> list[str]:
    """Return the names of a row's stems: vocals first, the others in the model's order."""
    return sorted(row.stems, key=lambda target: target != _VOCALS)


def _link(row: Row, name: str) -> str:
    return quote(f"{row.key}/{name}", errors="replace")


def _as_json(value: float) -> Any:
    """Return a number as JSON has it: null for NaN, and for infinity a word that JavaScript's Number() reads."""
    if math.isnan(value):
        return None
    return round(float(value), 6) if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"
