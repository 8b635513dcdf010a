"""One page for a whole catalogue: every track with its state, its figures and its stems to listen to.

The page is a single file that needs nothing else but the stems and pictures it links to: it opens from a folder or a
bucket, without a server. It says the same, to the byte, as long as what it is made from does.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from components.core.base.files import whole_file
from components.separate.recording import spectrogram_picture

_TEMPLATE = "page.html"


@dataclass(frozen=True)
class PageTrack:
    """A recording of the catalogue, as the page shows it.

    key      path of the source relative to the catalogue
    state    done | skipped (done in an earlier run) | quarantined | failed
    reason   why, for quarantined and failed
    seconds  length
    stems    target to link, relative to the page and URL-quoted; the order of the buttons, and of the picture's rows
    picture  link like those of the stems, or ''
    flags    what a person should listen for, in a few words each
    figures  quality by name; the end of a name says how it is written: `_db` with a decimal, `_share` in per cent,
             `_seconds` as a time. NaN becomes a dash
    details  where the stems come from: name to value
    """

    key: str
    state: str
    reason: str
    seconds: float
    stems: Mapping[str, str]
    picture: str
    flags: tuple[str, ...]
    figures: Mapping[str, float]
    details: Mapping[str, str]


@dataclass(frozen=True)
class PageSummary:
    """The head of the page: what was separated, when, with which model, and the run in numbers."""

    title: str
    made: str
    model: str
    counts: Mapping[str, int]
    figures: Mapping[str, str]


def write_page(path: Path, summary: PageSummary, tracks: Iterable[PageTrack]) -> None:
    """Write the page as a whole; `tracks` is gone through once, and never in memory as a whole."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template(_TEMPLATE)
    page = template.stream(summary=summary, picture=spectrogram_picture, tracks=map(_as_script, tracks))
    # names that are no UTF-8 are halves of surrogate pairs by now, which no file can hold: question marks
    with whole_file(path) as partial, partial.open("w", encoding="utf-8", errors="replace") as file:
        file.writelines(page)


def _as_script(track: PageTrack) -> Markup:
    """Return a track as JSON that cannot end the script element it stands in."""
    document = {
        "key": track.key,
        "state": track.state,
        "reason": track.reason,
        "seconds": _number(track.seconds),
        "stems": dict(track.stems),
        "picture": track.picture,
        "flags": track.flags,
        "figures": {name: _number(value) for name, value in track.figures.items()},
        "details": dict(track.details),
    }
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))  # within a script element, nothing else is markup


def _number(value: float) -> Any:
    """JSON has no NaN and no infinity: null, and the words that JavaScript's Number() reads."""
    if math.isnan(value):
        return None
    return round(float(value), 6) if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"
