"""From what was measured to what is used: the limits, each with its reason."""

from collections.abc import Iterator

from components.acquire.checking.measurements import StemFacts, TrackFacts
from components.acquire.datasets.collection import SourceTrack
from components.core.data.data_problems import Kind, Problem
from components.core.data.manifest import MIXTURE

VOCALS = "vocals"

SHORTEST = 1.0
"""Seconds: museval scores windows of one second, so less than that can be neither scored nor learned from."""

LENGTH_TOLERANCE = 0.05
"""Seconds by which stems may differ. Lossy codecs pad by up to a frame or two (AAC 2 × 1024 samples, mp3 2 × 1152:
0.05 s); more means that a stem was cut or starts elsewhere, and then the stems do not belong together."""

TRUNCATED = 0.01
"""Share of a file that may be missing against its own header; encoder delay and padding are less than that."""

SILENT_PEAK = 1e-4
"""−80 dB of full scale, three steps of 16 bit: dither, and what a codec leaves of digital silence."""

CLIPPED_SHARE = 1e-3
"""Mastered mixtures touch full scale here and there; one sample in a thousand, 44 a second, is audible distortion."""

RESIDUAL_WARNING_DB = -20.0
"""MUSDB18's AAC streams differ from their sum by about −28 dB; −20 dB is 1 % of the energy, more than a codec does."""

RESIDUAL_LIMIT_DB = -3.0
"""Half of the mixture's energy is in none of the stems: one is missing, or they belong to another mix. The worst track
of MUSDB18, at −7 dB, is mastered differently, but the stems are all there: it stays, with a warning."""

REST_LIMIT_DB = -60.0
"""A mixture that differs from its vocals by less than this is the same recording given twice."""


def judge(track: SourceTrack, name: str, facts: TrackFacts) -> list[Problem]:
    """Return what is wrong with a track called `name` in the manifest; it is used if every problem says so."""

    def problem(stem: str, kind: Kind, detail: str, used: bool) -> Problem:
        return Problem(name, track.dataset, stem, kind, detail, used)

    broken = [problem(stem, *found) for stem, fact in facts.stems.items() for found in _unusable(fact)]
    if broken:
        return broken
    return [problem(*found) for found in (*_lengths(facts), *_levels(facts), *_sums(facts))]


def is_scorable(facts: TrackFacts) -> str:
    """Return why a track cannot be scored (museval raises on a silent reference); empty when it can."""
    rest = [stem for stem in facts.stems if stem not in (VOCALS, MIXTURE)]
    if facts.stems[VOCALS].peak < SILENT_PEAK:
        return "its vocals are silent throughout"
    if rest and all(facts.stems[stem].peak < SILENT_PEAK for stem in rest):
        return "its accompaniment is silent throughout"
    return ""


def _unusable(fact: StemFacts) -> Iterator[tuple[Kind, str, bool]]:
    if fact.error:
        yield Kind.UNREADABLE, fact.error, False
    elif not fact.is_finite:
        yield Kind.NOT_FINITE, "some samples are not numbers", False
    elif fact.missing > TRUNCATED:
        yield Kind.TRUNCATED, f"{fact.missing:.0%} of what its header promises is not there", False
    elif fact.seconds < SHORTEST:
        yield Kind.TOO_SHORT, f"{fact.seconds:.2f} s, at least {SHORTEST:g} s are needed", False


def _lengths(facts: TrackFacts) -> Iterator[tuple[str, Kind, str, bool]]:
    rates = sorted({stem.rate for stem in facts.stems.values()})
    if len(rates) > 1:
        detail = f"{', '.join(map(str, rates))} Hz; whether the stems add up was not checked"
        yield "", Kind.RATES_DIFFER, detail, True
    longest = max(facts.stems, key=lambda name: facts.stems[name].seconds)
    for name, stem in facts.stems.items():
        gap = facts.stems[longest].seconds - stem.seconds
        detail = f"{gap:.3f} s shorter than {longest}"
        if gap > LENGTH_TOLERANCE:
            yield name, Kind.WRONG_LENGTH, f"{detail}; export all stems from one start to one end", False
        elif gap > 0:
            yield name, Kind.LENGTHS_DIFFER, detail, True


def _levels(facts: TrackFacts) -> Iterator[tuple[str, Kind, str, bool]]:
    for name, stem in facts.stems.items():
        if stem.peak < SILENT_PEAK:
            yield name, Kind.SILENT, "silent throughout", name != MIXTURE
        if stem.clipped > CLIPPED_SHARE:
            yield name, Kind.CLIPPED, f"{stem.clipped:.2%} of the samples at full scale", True


def _sums(facts: TrackFacts) -> Iterator[tuple[str, Kind, str, bool]]:
    rest = [stem for name, stem in facts.stems.items() if name not in (VOCALS, MIXTURE)]
    if rest and all(stem.peak < SILENT_PEAK for stem in rest):
        yield "", Kind.ONLY_VOCALS, "all other stems are silent", False
    elif facts.rest_db is not None and facts.rest_db < REST_LIMIT_DB:
        yield "", Kind.ONLY_VOCALS, "the mixture is the same recording as the vocals", False
    elif facts.residual_db is not None and facts.residual_db > RESIDUAL_WARNING_DB:
        used = facts.residual_db <= RESIDUAL_LIMIT_DB
        yield MIXTURE, Kind.NOT_THE_SUM, f"differs from the sum of its stems by {facts.residual_db:.1f} dB", used
