"""Splits by artist: training, validation, test. No artist is ever in two splits.

A split that the dataset names is kept. The rest is drawn by a number per artist in [0, 1), a hash of seed and artist.
Artists with a number below the test share are for testing. If no number is below the share, the artist with the lowest
number goes to test. So artists may come or go and the others keep their split, and models of different years are scored
on the same tracks.
The next artists are for validation, as many as make up the validation share. Where an artist would be in two splits
(three of MUSDB18's are), test has precedence over validation, and validation over training; the rest is left out.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.acquire.files.track_names import fold_name

TRAIN, VALIDATION, TEST = "train", "validation", "test"


@dataclass(frozen=True)
class ArtistTrack:
    """The properties that decide the split of a track; `split` is the one that its dataset names, or None."""

    name: str
    dataset: str
    artist: str
    split: str | None


@dataclass(frozen=True)
class SplitShares:
    """Shares of a dataset's artists to draw for the splits that it does not name; `test` holds on average."""

    validation: float
    test: float


def assign_splits(tracks: Sequence[ArtistTrack], shares: Mapping[str, SplitShares], seed: int) -> dict[str, str | None]:
    """Return the split of every track by name; None where the artist is in a split with precedence."""
    splits = {track.name: track.split for track in tracks}
    for split in (TEST, VALIDATION):
        for dataset, share in sorted(shares.items()):
            tested = _artists(tracks, splits, TEST)
            members = [track for track in tracks if track.dataset == dataset]
            for name in _draw(members, split, share, seed, tested):
                splits[name] = split
    test, validation = _artists(tracks, splits, TEST), _artists(tracks, splits, VALIDATION)
    result: dict[str, str | None] = {}
    for track in tracks:
        artist, own = fold_name(track.artist), splits[track.name] or TRAIN
        strongest = TEST if artist in test else VALIDATION if artist in validation else TRAIN
        result[track.name] = own if own == strongest else None
    return result


def _draw(tracks: Sequence[ArtistTrack], split: str, shares: SplitShares, seed: int, excluded: set[str]) -> list[str]:
    """Return the tracks of one dataset that are drawn for `split`: whole artists, none of the `excluded` ones.

    Of two artists or more, at least one is drawn and at least one is not.
    """
    share = shares.test if split == TEST else shares.validation
    if share == 0 or any(track.split == split for track in tracks):
        return []
    candidates = [track for track in tracks if track.split in (None, TRAIN)]
    candidates = [track for track in candidates if fold_name(track.artist) not in excluded]
    numbers = sorted((_number(seed, artist), artist) for artist in {fold_name(track.artist) for track in candidates})
    if len(numbers) < 2:
        return []  # a single artist stays in training
    count = sum(number < share for number, _ in numbers) if split == TEST else round(share * len(numbers))
    drawn = {artist for _, artist in numbers[: min(max(1, count), len(numbers) - 1)]}
    return [track.name for track in candidates if fold_name(track.artist) in drawn]


def _artists(tracks: Sequence[ArtistTrack], splits: Mapping[str, str | None], split: str) -> set[str]:
    return {fold_name(track.artist) for track in tracks if splits[track.name] == split}


def _number(seed: int, artist: str) -> float:
    """Return an artist's number in [0, 1)."""
    digest = hashlib.sha256(f"{seed}\n{artist}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48  # 48 bits: exact in a float
