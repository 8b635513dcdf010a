"""Numbers, times and long texts as the page writes them; a dash where there is none."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

_BRIEF, _KEY = 400, 12
_NONE = "–"


def decibels(value: float | None) -> str:
    """Return a level with two decimals and a true minus."""
    return _signed(f"{value:.2f}") if value is not None and math.isfinite(value) else _NONE


def number(value: float) -> str:
    """Return a number with four digits."""
    return _signed(f"{value:#.4g}") if math.isfinite(value) else _NONE


def amount(value: float) -> str:
    """Return how many there are."""
    return f"{value:,.0f}" if math.isfinite(value) else _NONE


def hours(value: float) -> str:
    """Return a length in hours, of less than one in minutes."""
    if not math.isfinite(value):
        return _NONE
    return f"{value:,.1f} h" if value >= 1 else f"{value * 60:.1f} min"


def clock(seconds: float) -> str:
    """Return a position as m:ss."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def moment(when: str | int) -> str:
    """Return a moment, in ISO's form or in milliseconds since 1970, to the minute; what is neither as it is."""
    try:
        time = datetime.fromtimestamp(when / 1000, UTC) if isinstance(when, int) else datetime.fromisoformat(when)
    except (ValueError, OverflowError, OSError):
        return str(when)
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def brief(text: str) -> str:
    """Return a text, of a long one its beginning."""
    return text if len(text) <= _BRIEF else f"{text[:_BRIEF]}…"


def key(digest: str) -> str:
    """Return the first characters of a digest or a run's id, enough to tell it from others."""
    return digest[:_KEY]


def coded(text: str) -> Markup:
    """Return a sentence with what stands between backticks as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # somebody else's text, with a backtick of its own
        return escape(text)
    code = Markup("<code>{}</code>")
    return Markup().join(code.format(part) if place % 2 else escape(part) for place, part in enumerate(parts))


def _signed(text: str) -> str:
    return text.replace("-", "−")


FILTERS: Mapping[str, Callable[[Any], str]] = {
    function.__name__: function for function in (decibels, number, amount, hours, clock, moment, brief, key, coded)
}
"""By the name that the template knows them by."""
