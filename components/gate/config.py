"""The section `gate` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from components.core.base.params import Section

Decibels = Annotated[float, Field(ge=0)]


class GateConfig(Section):
    """The rules. All thresholds are required in params.yaml, so none is forgotten.

    Without a champion:
    minimum_gain_db           by target: the model must be better than the mixture by this (median over tracks)

    Against a champion, by differences of SDR on the tracks that both were scored on:
    rule                      `not_worse`, or `better`: also better in the targets of `better_in`
    better_in                 targets that `better` requires; when empty, one target of all is enough
    margin_db                 the lower bound of the mean difference must not be below minus this, in any target
    confidence, resamples, seed     of the bootstrap that computes the lower bound
    minimum_tracks            with fewer tracks in common the version is refused
    stem_limit_db             the mean difference itself must not be below minus this, in any target
    slices                    columns of manifest.csv, and `level`: how loud the target is in its mixture
    slice_limit_db            the mean difference of a slice must not be below minus this
    slice_minimum_tracks      smaller slices are not judged

    Always, by a trial in a fresh process (core/models/smoke_test.py):
    sum_error                 largest difference of the stems' sum from the mixture, relative to the mixture's peak
    slowest_times_real_time   seconds of music separated in a second
    largest_weights_mb        size of the weights' file
    largest_memory_mb         peak memory of the process
    slowdown_limit            the largest ratio of the version's time to the champion's
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
