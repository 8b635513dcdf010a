"""Which track is for training, for validation, for testing: by artist, and no artist in two splits, ever.

What a dataset says is kept, and what it leaves open is drawn by a hash of seed and artist, so a choice changes neither
with the order of the tracks nor, for all other artists, when one is added. Where an artist would be in two splits
(three of MUSDB18's are), test wins over validation, validation over training, and the rest is left out.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.acquire.names import key

TRAIN, VALIDATION, TEST = "train", "validation", "test"


@dataclass(frozen=True)
class Entry:
    """A track as splitting sees it; `split` is what its dataset says, None when that is open."""

    name: str
    dataset: str
    artist: str
    split: str | None


@dataclass(frozen=True)
class Shares:
    """Shares of a dataset's artists to draw for the splits that it does not name itself."""

    validation: float
    test: float


def assign(entries: Sequence[Entry], shares: Mapping[str, Shares], seed: int) -> dict[str, str | None]:
    """Return the split of every track by name; None: its artist is held back for a split that wins over its own."""
    wanted = {entry.name: entry.split for entry in entries}
    for split in (TEST, VALIDATION):
        for dataset, share in sorted(shares.items()):
            taken = _artists(entries, wanted, TEST)
            tracks = [entry for entry in entries if entry.dataset == dataset]
            count = share.test if split == TEST else share.validation
            for name in _drawn(tracks, split, count, seed, taken):
                wanted[name] = split
    test, validation = _artists(entries, wanted, TEST), _artists(entries, wanted, VALIDATION)
    result: dict[str, str | None] = {}
    for entry in entries:
        artist, split_wanted = key(entry.artist), wanted[entry.name] or TRAIN
        strongest = TEST if artist in test else VALIDATION if artist in validation else TRAIN
        result[entry.name] = split_wanted if split_wanted == strongest else None
    return result


def _drawn(tracks: Sequence[Entry], split: str, share: float, seed: int, taken: set[str]) -> list[str]:
    """Return the tracks of one dataset that are drawn for `split`: whole artists, none of those that are `taken`."""
    if share == 0 or any(entry.split == split for entry in tracks):
        return []
    open_tracks = [entry for entry in tracks if entry.split in (None, TRAIN) and key(entry.artist) not in taken]
    artists = sorted({key(entry.artist) for entry in open_tracks}, key=lambda artist: _lot(seed, artist))
    if len(artists) < 2:
        return []  # a single artist stays in training
    count = min(max(1, round(share * len(artists))), len(artists) - 1)
    chosen = set(artists[:count])
    return [entry.name for entry in open_tracks if key(entry.artist) in chosen]


def _artists(entries: Sequence[Entry], wanted: Mapping[str, str | None], split: str) -> set[str]:
    return {key(entry.artist) for entry in entries if wanted[entry.name] == split}


def _lot(seed: int, artist: str) -> str:
    return hashlib.sha256(f"{seed}\n{artist}".encode()).hexdigest()
