"""The profile of a training: spectral features of the mixtures of each dataset, with which recordings are compared."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.core.base.errors import UserError
from components.core.data.cache_format import CachedTrack, ShardReader
from components.core.sound.decoding import Audio
from components.core.sound.recording_features import FEATURES, WIDTH, FeatureMeter, MeasuredFeatures
from components.core.sound.training_profile import DatasetProfile, Features, Matrix, Profile, mahalanobis, write_profile

_RADIUS_QUANTILE = 0.95
_FOLDS = 10
_TOLERANCE_DB = 1.0  # smaller differences are insignificant
_BLOCK = 1 << 18


def write_training_profile(reader: ShardReader, path: Path, origin: Mapping[str, Any]) -> None:
    """Measure every cached track of `reader` and write their profile to `path`; `origin` names run and split."""
    tracks: dict[str, list[Features]] = {}
    for track in reader.tracks:
        features = _measure(reader, track).features
        if features:
            tracks.setdefault(track.dataset, []).append(features)
    # a model of one channel separates each channel on its own, so the stereo width does not matter to it
    names = [name for name in FEATURES if reader.channels > 1 or name != WIDTH]
    write_profile(make_profile(tracks, names, reader.rate, origin), path)


def make_profile(
    tracks: Mapping[str, Sequence[Features]], names: Sequence[str], rate: int, origin: Mapping[str, Any]
) -> Profile:
    """Return the profile of the features `names` of `tracks`, by dataset, for a model at `rate` Hz.

    Raises UserError when there are no tracks.
    """
    if not tracks:
        raise UserError("train: all training tracks are silent, so they have no profile: add tracks with sound")
    groups = tuple(_profile_dataset(dataset, _matrix(tracks[dataset], names)) for dataset in sorted(tracks))
    return Profile(features=tuple(names), rate=rate, groups=groups, origin=dict(origin))


def _measure(reader: ShardReader, track: CachedTrack) -> MeasuredFeatures:
    meter = FeatureMeter(reader.rate)
    for mixture in _mixture(reader, track):
        meter.add(mixture)
    return meter.result()


def _mixture(reader: ShardReader, track: CachedTrack) -> Iterator[Audio]:
    for start in range(0, track.samples, _BLOCK):
        samples = min(_BLOCK, track.samples - start)
        yield np.sum([reader.read(track, target, start, samples) for target in reader.targets], axis=0)


def _matrix(tracks: Sequence[Features], names: Sequence[str]) -> Matrix:
    return np.array([[features[name] for name in names] for features in tracks], np.float64)


def _profile_dataset(name: str, features: Matrix) -> DatasetProfile:
    """Return the group of a dataset's tracks, `(tracks, features)`, with rounded numbers to keep the file short."""
    covariance = _covariance(features)
    deviations = np.sqrt(np.diag(covariance))
    correlations = covariance / np.outer(deviations, deviations)
    return DatasetProfile(
        name=name,
        tracks=len(features),
        means=_rounded(features.mean(axis=0), 3),
        deviations=_rounded(deviations, 3),
        correlations=tuple(_rounded(row[:number], 5) for number, row in enumerate(correlations)),
        radius=round(_radius(features), 4),
    )


def _covariance(features: Matrix) -> Matrix:
    """Return the covariance of `(tracks, features)`, shrunk so that it is invertible even for a few tracks.

    Shrinking adds as many tracks as there are features, with uncorrelated features. The diagonal has a tolerance, since
    a feature that is constant in training may vary a little elsewhere.
    """
    count, size = features.shape
    covariance = np.cov(features.T, bias=True).reshape(size, size)
    variances = np.diag(np.diag(covariance))
    shrunk: Matrix = (count * covariance + size * variances) / (count + size) + _TOLERANCE_DB**2 * np.eye(size)
    return shrunk


def _radius(features: Matrix) -> float:
    """Return the distance that 5 % of the tracks exceed, by cross-validation.

    Tracks are closer to a mean and covariance that include them, most of all where there are few. A fold is a run of
    neighbouring tracks, so that an artist's tracks are in one fold.
    """
    count = len(features)
    if count == 1:
        return 1.0
    folds = np.arange(count) * min(_FOLDS, count) // count
    distances = [
        mahalanobis(features[folds == fold] - rest.mean(axis=0), _covariance(rest))
        for fold in np.unique(folds)
        for rest in [features[folds != fold]]
    ]
    return float(np.quantile(np.concatenate(distances), _RADIUS_QUANTILE))


def _rounded(values: Matrix, digits: int) -> tuple[float, ...]:
    return tuple(np.round(values, digits).tolist())
