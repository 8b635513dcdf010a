"""Checks of measured tracks: the limits that decide whether a track is used, each with its reason."""

from collections.abc import Iterator

from components.acquire.checking.measurements import StemMeasurement, TrackMeasurement
from components.acquire.datasets.collection import SourceTrack
from components.core.data.data_problems import Problem, ProblemKind
from components.core.data.manifest import MIXTURE

VOCALS = "vocals"

MIN_SECONDS = 1.0
"""museval scores windows of one second, so a shorter track can be neither scored nor learned from."""

LENGTH_TOLERANCE = 0.05
"""Seconds by which stems may differ. Lossy codecs pad by up to a frame or two (AAC 2 × 1024 samples, mp3 2 × 1152:
0.05 s). A larger difference means that a stem was cut or starts elsewhere, so the stems do not belong together."""

SILENT_PEAK = 1e-4
"""−80 dB of full scale, three steps of 16 bit: dither, and what a codec leaves of digital silence."""

CLIPPED_SHARE = 1e-3
"""Mastered mixtures touch full scale here and there; one sample in a thousand, 44 per second, is audible distortion."""

RESIDUAL_WARNING_DB = -20.0
"""MUSDB18's AAC streams differ from their sum by about −28 dB; −20 dB is 1 % of the energy, more than a codec does."""

RESIDUAL_LIMIT_DB = -3.0
"""Half of the mixture's energy is in none of the stems: one is missing, or they belong to another mix. The worst track
of MUSDB18, at −7 dB, is mastered differently, but its stems are complete: it is used, with a warning."""

REST_LIMIT_DB = -60.0
"""A mixture that differs from its vocals by less than this is the same recording given twice."""

Finding = tuple[str, ProblemKind, str, bool]
"""Stem (empty for the whole track), kind, detail, and whether the track is used anyway."""


def find_problems(track: SourceTrack, name: str, measurement: TrackMeasurement) -> list[Problem]:
    """Return the problems of a track, called `name` in the manifest; it is used if each of them allows that."""
    unusable = [finding for stem in measurement.stems for finding in _check_stem(stem, measurement.stems[stem])]
    checks = (_check_lengths, _check_levels, _check_sum)
    findings = unusable or [finding for check in checks for finding in check(measurement)]
    return [Problem(name, track.dataset, *finding) for finding in findings]


def unscorable_reason(measurement: TrackMeasurement) -> str | None:
    """Return why a track cannot be scored (museval raises on a silent reference); None when it can."""
    if _is_silent(measurement.stems[VOCALS]):
        return "its vocals are silent throughout"
    return "its accompaniment is silent throughout" if _has_silent_accompaniment(measurement) else None


def _check_stem(name: str, stem: StemMeasurement) -> Iterator[Finding]:
    if stem.error:
        yield name, ProblemKind.TRUNCATED if stem.is_damaged else ProblemKind.UNREADABLE, stem.error, False
    elif not stem.is_finite:
        yield name, ProblemKind.NOT_FINITE, "some samples are not numbers", False
    elif stem.seconds < MIN_SECONDS:
        detail = f"{stem.seconds:.2f} s, at least {MIN_SECONDS:g} s are needed"
        yield name, ProblemKind.TOO_SHORT, detail, False


def _check_lengths(measurement: TrackMeasurement) -> Iterator[Finding]:
    stems = measurement.stems
    rates = sorted({stem.rate for stem in stems.values()})
    if len(rates) > 1:
        detail = f"{', '.join(map(str, rates))} Hz; whether the stems add up was not checked"
        yield "", ProblemKind.RATES_DIFFER, detail, True
    longest = max(stems, key=lambda name: stems[name].seconds)
    for name, stem in stems.items():
        gap = stems[longest].seconds - stem.seconds
        detail = f"{gap:.3f} s shorter than {longest}"
        if gap > LENGTH_TOLERANCE:
            yield name, ProblemKind.WRONG_LENGTH, f"{detail}; export all stems from one start to one end", False
        elif gap > 0:
            yield name, ProblemKind.LENGTHS_DIFFER, detail, True


def _check_levels(measurement: TrackMeasurement) -> Iterator[Finding]:
    for name, stem in measurement.stems.items():
        if _is_silent(stem):
            yield name, ProblemKind.SILENT, "silent throughout", name != MIXTURE
        if stem.clipped > CLIPPED_SHARE:
            yield name, ProblemKind.CLIPPED, f"{stem.clipped:.2%} of the samples at full scale", True


def _check_sum(measurement: TrackMeasurement) -> Iterator[Finding]:
    residual, rest = measurement.residual_db, measurement.rest_db
    if _has_silent_accompaniment(measurement):
        yield "", ProblemKind.ONLY_VOCALS, "all other stems are silent", False
    elif rest is not None and rest < REST_LIMIT_DB:
        yield "", ProblemKind.ONLY_VOCALS, "the mixture is the same recording as the vocals", False
    elif residual is not None and residual > RESIDUAL_WARNING_DB:
        detail = f"differs from the sum of its stems by {residual:.1f} dB"
        yield MIXTURE, ProblemKind.NOT_THE_SUM, detail, residual <= RESIDUAL_LIMIT_DB


def _has_silent_accompaniment(measurement: TrackMeasurement) -> bool:
    """Return whether there are stems beside vocals and mixture, and all of them are silent."""
    rest = [stem for name, stem in measurement.stems.items() if name not in (VOCALS, MIXTURE)]
    return bool(rest) and all(map(_is_silent, rest))


def _is_silent(stem: StemMeasurement) -> bool:
    return stem.peak < SILENT_PEAK
