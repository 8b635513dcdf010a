"""Numbers, times and long texts as the page writes them; an unknown number is a dash."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

_TEXT_LENGTH, _DIGEST_LENGTH = 400, 12
_UNKNOWN = "–"


def decibels(value: float | None) -> str:
    """Return a level with two decimals and a true minus."""
    return _true_minus(f"{value:.2f}") if value is not None and math.isfinite(value) else _UNKNOWN


def number(value: float) -> str:
    """Return a number with four digits."""
    return _true_minus(f"{value:#.4g}") if math.isfinite(value) else _UNKNOWN


def count(value: float) -> str:
    """Return a whole number with separators."""
    return f"{value:,.0f}" if math.isfinite(value) else _UNKNOWN


def hours(value: float) -> str:
    """Return a length of `value` hours; less than one is in minutes."""
    if not math.isfinite(value):
        return _UNKNOWN
    return f"{value:,.1f} h" if value >= 1 else f"{value * 60:.1f} min"


def minutes(seconds: float) -> str:
    """Return a length as m:ss."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def timestamp(time: str | int) -> str:
    """Return a time, from ISO text or milliseconds since 1970, to the minute; other text stays as it is."""
    try:
        parsed = datetime.fromtimestamp(time / 1000, UTC) if isinstance(time, int) else datetime.fromisoformat(time)
    except (ValueError, OverflowError, OSError):
        return str(time)
    return f"{parsed.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def shorten(text: str) -> str:
    """Return a text, cut when it is long."""
    return text if len(text) <= _TEXT_LENGTH else f"{text[:_TEXT_LENGTH]}…"


def short_digest(digest: str) -> str:
    """Return the first characters of a digest or a run's id."""
    return digest[:_DIGEST_LENGTH]


def with_code(text: str) -> Markup:
    """Return a sentence in which text between backticks is marked up as code."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:  # an odd backtick: it belongs to a message of another program
        return escape(text)
    code = Markup("<code>{}</code>")
    return Markup().join(code.format(piece) if index % 2 else escape(piece) for index, piece in enumerate(pieces))


def _true_minus(text: str) -> str:
    return text.replace("-", "−")


FILTERS: Mapping[str, Callable[[Any], str]] = {
    function.__name__: function
    for function in (decibels, number, count, hours, minutes, timestamp, shorten, short_digest, with_code)
}
"""The filters of the templates, by name."""
