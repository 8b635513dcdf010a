"""The names of stems that other projects use, in the form of ours."""

import re

_ACCOMPANIMENT = "accompaniment"
_SYNONYMS = {"instrumental": _ACCOMPANIMENT}


def name_stem(name: str) -> str:
    """Return a name in small letters, digits and hyphens; empty when it has none of these."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return _SYNONYMS.get(plain, plain)
