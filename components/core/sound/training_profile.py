"""Profiles: what the training mixtures of a model are like, to measure how much a recording differs from them.

Without true stems nobody can measure the quality of a separation, but a network is only known to separate music like
its training data. A profile holds the mean and the covariance of the features (`recording_features.py`) of
the mixtures of each dataset, and no audio.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from components.core.base.errors import UserError
from components.core.base.files import write_json
from components.core.base.params import Section, parse_section
from components.core.sound.recording_features import FEATURES

Features = Mapping[str, float]
Matrix = NDArray[np.float64]

PROFILE = "profile.json"
"""The name of the profile in a model folder."""

RECORDINGS_AT_ONCE = 1000
"""Recordings whose features are in memory at once."""


def mahalanobis(deviations: Matrix, covariance: Matrix) -> Matrix:
    """Return the length of each of `deviations` `(tracks, features)`, `(tracks,)`, as root mean square over features.

    `covariance` `(features, features)` says which length is usual in which direction (Mahalanobis, 1936): it is 1 on
    the average over tracks of this covariance.
    """
    whitened = np.linalg.solve(np.linalg.cholesky(covariance), deviations.T)
    lengths: Matrix = np.sqrt(np.square(whitened).mean(axis=0))
    return lengths


class DatasetProfile(Section):
    """The tracks of a dataset: mean and standard deviation of each feature (dB), and the correlations of features.

    `correlations` holds the rows of the matrix left of the diagonal. 5 % of the tracks lie beyond `radius`, a distance
    in standard deviations.
    """

    name: str
    tracks: int = Field(gt=0)
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    correlations: tuple[tuple[float, ...], ...]
    radius: float = Field(gt=0)

    def standardised(self, features: Matrix) -> Matrix:
        """Return the distance of each of `(tracks, features)` from the mean of its feature, in standard deviations."""
        standardised: Matrix = (features - np.array(self.means)) / np.array(self.deviations)
        return standardised

    def distances(self, features: Matrix) -> Matrix:
        """Return the distance of each of `(tracks, features)` from the mean, `(tracks,)`: 1 is the dataset radius."""
        return mahalanobis(self.standardised(features), self._correlation()) / self.radius

    def _correlation(self) -> Matrix:
        matrix = np.eye(len(self.means))
        for row, values in enumerate(self.correlations):
            matrix[row, :row] = matrix[:row, row] = values
        return matrix

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        size = len(self.means)
        if len(self.deviations) != size or [len(row) for row in self.correlations] != list(range(size)):
            raise ValueError("means, deviations and correlations have different numbers of features")
        if not all(0 < value < np.inf for value in (*self.deviations, self.radius)):
            raise ValueError("deviations and the radius must be positive")
        if not np.isfinite(self.means).all() or not _is_positive_definite(self._correlation()):
            raise ValueError("the means are not finite, or the correlations form no valid matrix")
        return self


class Profile(Section):
    """The mixtures of a training: one group for each dataset. `features` are the names of the measured features.

    A recording must be measured at `rate` (Hz). `origin` names the tracks.
    """

    features: tuple[str, ...] = Field(min_length=1)
    rate: int = Field(gt=0)
    groups: tuple[DatasetProfile, ...] = Field(min_length=1)
    origin: dict[str, Any]

    def distance(self, features: Features) -> float:
        """Return the distance of a recording with `features` from the training's tracks: the farthest 5 % are beyond 1.

        Half of the tracks lie below about 0.65. It is the Mahalanobis distance from the mean of the nearest dataset,
        over this dataset's radius: datasets differ too much for one mean (karaoke singers, rock bands), and what is
        like either of them is well known. Far away nothing is known of the model; how well it does nearby, the distance
        does not tell (over the test tracks of MUSDB18-7 its rank correlation with the vocals' SDR is -0.13).
        """
        return float(self._distances(self._matrix([features])).min())

    def shifts(self, recordings: Iterable[Features]) -> dict[str, float]:
        """Return for each feature how far the mean of `recordings` lies from the training's, in standard deviations.

        Each recording is compared with its nearest dataset; silent ones, which have no features, are left out. Without
        recordings all shifts are NaN.
        """
        total, count = self._deviations(recordings)
        return dict(zip(self.features, _mean(total, count).tolist(), strict=True))

    def drift(self, recordings: Iterable[Features]) -> float:
        """Return the distance of a whole catalogue from the training's tracks, in their standard deviations.

        The root mean square of `shifts`, less what chance alone makes of n recordings (1/n in the square). So it is
        Cohen's d over all features, and his words fit: 0.2 is small, 0.5 medium, 0.8 large (Cohen, Statistical power
        analysis, 1988). Not the population stability index: of 25 recordings in ten bins chance alone makes an index of
        0.36 (9/n; Yurdakul and Naranjo, 2020), where 0.25 is taken for a change; and it cannot see that all recordings
        are a little dull, each of them still within what is usual. NaN of nothing.
        """
        meter = DriftMeter(self)
        for features in recordings:
            meter.add(features)
        return meter.result()

    def _deviations(self, recordings: Iterable[Features]) -> tuple[Matrix, int]:
        """Return the sum over recordings of their deviations from their nearest group, `(features,)`, and how many."""
        total, count = np.zeros(len(self.features)), 0
        heard = (features for features in recordings if features)
        # some at a time: a catalogue may be long
        while batch := list(islice(heard, RECORDINGS_AT_ONCE)):
            matrix = self._matrix(batch)
            nearest = self._distances(matrix).argmin(axis=0)
            standardised = np.stack([group.standardised(matrix) for group in self.groups])
            total += standardised[nearest, np.arange(len(batch))].sum(axis=0)
            count += len(batch)
        return total, count

    def _distances(self, matrix: Matrix) -> Matrix:
        """Return the distance of each track from each group, `(groups, tracks)`."""
        return np.stack([group.distances(matrix) for group in self.groups])

    def _matrix(self, recordings: Sequence[Features]) -> Matrix:
        return np.array([[features[name] for name in self.features] for features in recordings], np.float64)

    @model_validator(mode="after")
    def _is_of_this_version(self) -> Self:
        if not set(self.features) <= set(FEATURES):
            raise ValueError("made by another version of Stemline: export the model again")
        if any(len(group.means) != len(self.features) for group in self.groups):
            raise ValueError("a group needs one mean for each feature")
        return self


class DriftMeter:
    """Measures the drift of a catalogue (see `Profile.drift`), recording by recording, in bounded memory."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._total, self._count = np.zeros(len(profile.features)), 0
        self._batch: list[Features] = []

    def add(self, features: Features) -> None:
        """Add a recording; one without features is left out."""
        if features:
            self._batch.append(features)
        if len(self._batch) >= RECORDINGS_AT_ONCE:
            self._add_batch()

    def result(self) -> float:
        """Return the drift; NaN when no recording was added."""
        self._add_batch()
        mean_square = np.square(_mean(self._total, self._count)).mean()
        return float(np.sqrt(np.maximum(mean_square - 1 / max(self._count, 1), 0.0)))

    def _add_batch(self) -> None:
        total, count = self._profile._deviations(self._batch)
        self._total, self._count = self._total + total, self._count + count
        self._batch = []


def write_profile(profile: Profile, path: Path) -> None:
    """Write `profile` as JSON, as a whole; the same profile gives the same bytes."""
    write_json(path, profile.model_dump(mode="json"))


def read_profile(path: Path) -> Profile:
    """Read a profile; raises UserError when it is missing, damaged or of another version."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: export the model again") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise UserError(f"{path} is not a profile: fetch the model again") from None
    return parse_section("profile", values, Profile, str(path))


def _mean(total: Matrix, count: int) -> Matrix:
    return total / count if count else np.full_like(total, math.nan)


def _is_positive_definite(matrix: Matrix) -> bool:
    try:
        return bool(np.isfinite(np.linalg.cholesky(matrix)).all())
    except np.linalg.LinAlgError:
        return False
