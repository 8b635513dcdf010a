"""The section `gate` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from components.core.base.params import Section

Decibels = Annotated[float, Field(ge=0)]


class GateConfig(Section):
    """The rules; none has a default, so that no threshold is forgotten.

    Without a champion:
    minimum_gain_db           by target: so much better than the mixture itself as estimate (median over tracks)

    Against a champion, by differences of SDR on the tracks that both were scored on:
    rule                      not_worse; or better: in the targets `better_in` besides, of which none named is any one
    margin_db                 the mean is, at this confidence, not lower than minus this, in every target
    confidence, resamples, seed     of the bootstrap over tracks
    minimum_tracks            with fewer in common nothing is shown
    stem_limit_db             the mean itself is not lower than minus this, in every target
    slices                    columns of manifest.csv, and `level`: how loud the target is in its mixture, in thirds
    slice_limit_db            nor is the mean of a slice, of those with `slice_minimum_tracks` or more
    slice_minimum_tracks

    Always, in a fresh process that fetches the version from the registry (models/smoke_test.py):
    sum_error                 stems miss the mixture by at most this share of its loudest sample
    slowest_times_real_time   seconds of music separated a second
    largest_weights_mb, largest_memory_mb
    slowdown_limit            at most so many times the champion's time, tried right after it
    """

    minimum_gain_db: dict[str, float]
    rule: Literal["not_worse", "better"]
    better_in: tuple[str, ...]
    margin_db: Decibels
    confidence: float = Field(gt=0.5, lt=1)
    minimum_tracks: int = Field(gt=1)
    resamples: int = Field(ge=1000)
    seed: int
    stem_limit_db: Decibels
    slices: tuple[str, ...]
    slice_limit_db: Decibels
    slice_minimum_tracks: int = Field(gt=0)
    sum_error: float = Field(gt=0)
    slowest_times_real_time: float = Field(gt=0)
    largest_weights_mb: float = Field(gt=0)
    largest_memory_mb: float = Field(gt=0)
    slowdown_limit: float = Field(gt=0)
