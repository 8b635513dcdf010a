"""The recordings among the files of a store, and the files that are passed over, each with its reason."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

from components.core.sound.audio_file_recognition import is_named_like_audio

PROVENANCE = "provenance.json"
"""The file beside a recording's stems that holds their origin; it is written last."""

RECORDS = "_stemline"
"""The folder of a destination for claims, quarantine and ledgers, which belong to no single recording."""

SYSTEM_FOLDERS = frozenset(
    {"__macosx", "@eadir", "#recycle", "#snapshot", "$recycle.bin", "recycler", "system volume information"}
    | {"lost+found", "network trash folder", "temporary items"}
)
"""Folders of operating systems and network drives; those with a point in front are passed over in any case."""

_EXAMPLES = 3


class ListedFile(NamedTuple):
    """A file as listed: its key, its size in bytes, and a stamp that changes with its content.

    `storage` is a bucket's storage class, such as GLACIER; empty for the usual one.
    """

    key: str
    size: int
    stamp: str
    storage: str = ""


@dataclass(frozen=True)
class Selection:
    """The recordings, sorted by key, and the reason for each file or folder that is passed over, by key."""

    recordings: list[ListedFile]
    passed_over: dict[str, str] = field(default_factory=dict)

    def describe_passed_over(self) -> str:
        """Return in one line how many are passed over, why, and some of their names; '' when there are none."""
        parts = [
            f"{count} {reason} ({', '.join(self._examples(reason, count))})"
            for reason, count in sorted(Counter(self.passed_over.values()).items())
        ]
        return "; ".join(parts)

    def _examples(self, reason: str, count: int) -> list[str]:
        keys = sorted(key for key, why in self.passed_over.items() if why == reason)
        return [*map(_replace_unprintable, keys[:_EXAMPLES]), *(["…"] if count > _EXAMPLES else [])]


def _replace_unprintable(key: str) -> str:
    """Return a key without characters that a terminal would act on."""
    return "".join(char if char.isprintable() else "\ufffd" for char in key)


def select(entries: Iterable[ListedFile], holds_audio: Callable[[str], bool]) -> Selection:
    """Choose the recordings; `holds_audio` looks into a file whose name says nothing.

    The stems of a destination inside the source, and what it keeps beside them, are neither chosen nor passed over.
    """
    listed = [(PurePosixPath(entry.key), entry) for entry in entries]
    separated = {path.parent for path, _ in listed if path.name == PROVENANCE}
    recordings, passed_over = [], {}
    for path, entry in listed:
        if path.parent in separated or RECORDS in path.parts:
            continue
        reason = _reason_to_pass(path, holds_audio)
        if reason:
            passed_over[entry.key] = reason
        else:
            recordings.append(entry)
    return Selection(sorted(recordings), passed_over)


def _reason_to_pass(path: PurePosixPath, holds_audio: Callable[[str], bool]) -> str:
    """Return why a file is no recording; '' for a recording."""
    if is_in_system_folder(path):
        return "in system folders"
    if path.name.startswith("."):
        return "hidden"
    if is_named_like_audio(path) or holds_audio(str(path)):
        return ""
    return f"of another kind, {path.suffix.lower() or 'without a suffix'}"


def is_in_system_folder(path: PurePosixPath) -> bool:
    """Return whether a folder above the file belongs to an operating system or a network drive."""
    return any(part.startswith(".") or part.lower() in SYSTEM_FOLDERS for part in path.parts[:-1])
