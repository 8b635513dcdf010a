"""Which track is for training, for validation, for testing: by artist, and no artist in two splits, ever.

What a dataset says is kept, and what it leaves open is drawn by each artist's lot, a hash of seed and artist. For
testing are those with a lot below the share (of few artists, where no lot is, the lowest): whatever artists come or go,
the others stay where they were, and models of years apart are scored on the same tracks. For validation are so many of
the next ones as make the share. Where an artist would be in two splits (three of MUSDB18's are), test wins over
validation, validation over training, and the rest is left out.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.acquire.files.names import key

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
    """Shares of a dataset's artists to draw for the splits that it does not name itself; `test` on average."""

    validation: float
    test: float


def assign(entries: Sequence[Entry], shares: Mapping[str, Shares], seed: int) -> dict[str, str | None]:
    """Return the split of every track by name; None: its artist is held back for a split that wins over its own."""
    wanted = {entry.name: entry.split for entry in entries}
    for split in (TEST, VALIDATION):
        for dataset, share in sorted(shares.items()):
            taken = _artists(entries, wanted, TEST)
            tracks = [entry for entry in entries if entry.dataset == dataset]
            for name in _drawn(tracks, split, share, seed, taken):
                wanted[name] = split
    test, validation = _artists(entries, wanted, TEST), _artists(entries, wanted, VALIDATION)
    result: dict[str, str | None] = {}
    for entry in entries:
        artist, split_wanted = key(entry.artist), wanted[entry.name] or TRAIN
        strongest = TEST if artist in test else VALIDATION if artist in validation else TRAIN
        result[entry.name] = split_wanted if split_wanted == strongest else None
    return result


def _drawn(tracks: Sequence[Entry], split: str, shares: Shares, seed: int, taken: set[str]) -> list[str]:
    """Return the tracks of one dataset that are drawn for `split`: whole artists, none of those that are `taken`.

    Of two artists or more at least one is drawn, and at least one is not.
    """
    share = shares.test if split == TEST else shares.validation
    if share == 0 or any(entry.split == split for entry in tracks):
        return []
    open_tracks = [entry for entry in tracks if entry.split in (None, TRAIN) and key(entry.artist) not in taken]
    lots = sorted((_lot(seed, artist), artist) for artist in {key(entry.artist) for entry in open_tracks})
    if len(lots) < 2:
        return []  # a single artist stays in training
    wanted = sum(lot < share for lot, _ in lots) if split == TEST else round(share * len(lots))
    chosen = {artist for _, artist in lots[: min(max(1, wanted), len(lots) - 1)]}
    return [entry.name for entry in open_tracks if key(entry.artist) in chosen]


def _artists(entries: Sequence[Entry], wanted: Mapping[str, str | None], split: str) -> set[str]:
    return {key(entry.artist) for entry in entries if wanted[entry.name] == split}


def _lot(seed: int, artist: str) -> float:
    """Return an artist's lot, in [0, 1)."""
    drawn = hashlib.sha256(f"{seed}\n{artist}".encode()).digest()
    return int.from_bytes(drawn[:6], "big") / 2**48  # 48 bits: exact in a float
