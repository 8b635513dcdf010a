"""Names of tracks and artists: printable, comparable, and safe as names of files."""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

_MAX_BYTES = 120
_SAFE_SIGNS = " -_.,'()&+!"


def clean_name(text: str) -> str:
    """Return `text` in NFC, on one line, without control characters; bytes that are not UTF-8 become `?`."""
    text = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))
    return " ".join("".join(" " if unicodedata.category(sign) == "Cc" else sign for sign in text).split())


def fold_name(text: str) -> str:
    """Return the same text for all spellings of a name: Unicode form, case and white space do not count."""
    return unicodedata.normalize("NFC", clean_name(text).casefold())


def artist_and_title(name: str) -> tuple[str, str]:
    """Return artist and title of a track called `name`: `Artist - Title`, else `Artist_rest`, else the name as both."""
    for separator in (" - ", "_"):
        artist, _, title = name.partition(separator)
        if artist.strip() and title.strip():
            return artist.strip(), title.strip()
    return name, name


def safe_name(name: str) -> str:
    """Return `name` as a file name that every file system accepts; a name that had to change gets a digest behind it.

    Letters of every script stay. Two different names give different results, except for their case.
    """
    kept = "".join(sign if sign.isalnum() or sign in _SAFE_SIGNS else "_" for sign in clean_name(name)).strip(" .")
    short = kept.encode("utf-8")[:_MAX_BYTES].decode("utf-8", "ignore").strip(" .")
    return short if short and short == name else f"{short}~{_digest(name)}"


def safe_names(names: Iterable[str]) -> Mapping[str, str]:
    """Return a safe name for each of `names`, no two of them equal on a file system that ignores case."""
    safe = {name: safe_name(name) for name in names}
    counts = Counter(fold_name(value) for value in safe.values())
    return {
        name: value if counts[fold_name(value)] == 1 else f"{value}~{_digest(name)}" for name, value in safe.items()
    }


def number_duplicates(names: Iterable[str]) -> list[str]:
    """Return `names` with a number behind each repeated name: `A`, `A (2)`, `A (3)`."""
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
