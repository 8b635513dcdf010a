"""Names from outside: made comparable, printable, and safe as names of files."""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

_LONGEST = 120
_PLAIN = " -_.,'()&+!"


def clean(text: str) -> str:
    """Return `text` in NFC, on one line, without control characters; bytes that are no UTF-8 become `?`."""
    text = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))
    return " ".join("".join(" " if unicodedata.category(sign) == "Cc" else sign for sign in text).split())


def key(text: str) -> str:
    """Return what two spellings of one name have in common: NFC, case and white space do not count."""
    return unicodedata.normalize("NFC", clean(text).casefold())


def artist_and_title(name: str) -> tuple[str, str]:
    """Return artist and title of a track called `name`: `Artist - Title`, else `Artist_rest`, else the name as both."""
    for separator in (" - ", "_"):
        artist, found, title = name.partition(separator)
        if found and artist.strip() and title.strip():
            return artist.strip(), title.strip()
    return name, name


def safe_name(name: str) -> str:
    """Return `name` as a file name that every file system takes; what had to be changed gets a digest behind it.

    Letters of every script stay. Two different names never give the same result but for their case.
    """
    kept = "".join(sign if sign.isalnum() or sign in _PLAIN else "_" for sign in clean(name)).strip(" .")
    short = kept.encode("utf-8")[:_LONGEST].decode("utf-8", "ignore").strip(" .")
    return short if short and short == name else f"{short}~{_digest(name)}"


def safe_names(names: Iterable[str]) -> Mapping[str, str]:
    """Return a safe name for each of `names`, no two of them equal on a file system that ignores case."""
    safe = {name: safe_name(name) for name in names}
    counts = Counter(key(value) for value in safe.values())
    return {name: value if counts[key(value)] == 1 else f"{value}~{_digest(name)}" for name, value in safe.items()}


def unique_names(names: Iterable[str]) -> list[str]:
    """Return `names`, a number behind each that is there already: `A`, `A (2)`, `A (3)`."""
    taken: set[str] = set()
    result = []
    for name in names:
        number, unique = 1, name
        while unique in taken:
            number += 1
            unique = f"{name} ({number})"
        taken.add(unique)
        result.append(unique)
    return result


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
