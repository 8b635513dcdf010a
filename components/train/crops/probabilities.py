"""The probabilities with which tracks are drawn for a target, or for a part of a target."""

import hashlib
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from components.core.base.errors import UserError
from components.core.data.cache_format import CachedTrack, Part

Probabilities = NDArray[np.float64]
"""A probability for each track, with a sum of 1."""


def choose_share(tracks: list[CachedTrack], share: float) -> list[CachedTrack]:
    """Return `share` of each dataset's tracks, at least one, chosen by a hash of their names, in their own order."""
    chosen: set[str] = set()
    for dataset in {track.dataset for track in tracks}:
        names = [track.name for track in tracks if track.dataset == dataset]
        names.sort(key=lambda name: hashlib.sha256(name.encode()).digest())
        chosen.update(names[: math.ceil(share * len(names))])
    return [track for track in tracks if track.name in chosen]


def track_probabilities(tracks: list[CachedTrack], shares: Mapping[str, float], target: str) -> Probabilities:
    """Return the probabilities for `target`: in proportion to `shares` of the datasets, and to the tracks' lengths.

    Raises UserError for a share of a dataset that has no track.
    """
    lengths = np.array([track.samples for track in tracks], dtype=np.float64)
    if not shares:
        return _normalise(lengths)
    datasets = np.array([track.dataset for track in tracks])
    if missing := sorted(shares.keys() - set(datasets)):
        known = ", ".join(sorted(set(datasets)))
        raise UserError(f"train.datasets.{target}: no training track comes from {missing[0]}: choose from {known}")
    probabilities = np.zeros_like(lengths)
    for dataset, share in shares.items():
        members = datasets == dataset
        probabilities[members] = share * lengths[members] / lengths[members].sum()
    return _normalise(probabilities)


def part_probabilities(tracks: list[CachedTrack], part: Part, for_target: Probabilities) -> Probabilities:
    """Return the probabilities for a part: those for its target, among the tracks that have the part."""
    has_part = np.array([part in track.parts for track in tracks])
    probabilities = np.where(has_part, for_target, 0.0)
    return _normalise(probabilities) if probabilities.any() else probabilities


def _normalise(values: Probabilities) -> Probabilities:
    probabilities: Probabilities = values / values.sum()
    return probabilities
