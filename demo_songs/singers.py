"""The invented singers, each with traits derived from a number, and the titles of songs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence

SINGERS = 96
CONSONANTS = ("", "s", "sh", "f", "h", "t", "k", "p", "b", "d", "m", "n", "l", "z", "v", "r")

_FIRST = ("Mara", "Ivo", "Lena", "Tomas", "Anouk", "Bruno", "Selma", "Noor", "Otis", "Pia", "Ruben", "Yuki")
_LAST = ("Voss", "Calder", "Okoye", "Lindqvist", "Marlow", "Tanaka", "Ferreira", "Haddad")
_MOODS = ("Silver", "Broken", "Slow", "Electric", "Paper", "Distant", "Golden", "Second", "Burning", "Quiet")
_THINGS = ("River", "Letters", "Avenue", "Summer", "Mirror", "Engine", "Harbour", "Lanterns", "Gravity", "Orchard")


@dataclass(frozen=True)
class Singer:
    """The traits of a voice.

    `low` and `span` are MIDI pitch and semitones; `tract` scales the male formants; `tilt` and `formant_slope` are dB
    per octave of the glottal source and of the formants' amplitudes; `vibrato_*` in Hz, semitones and seconds; `glide`
    in seconds; `detune` and `wander` (slow unsteadiness) in semitones; `pace` stretches the
    syllables; the rest are amounts from 0 to 1.
    """

    name: str
    low: float
    span: float
    tract: float
    tilt: float
    open_quotient: float
    formant_slope: float
    formant_shift: tuple[float, ...]
    bandwidth: float
    singer_formant: float
    breath: float
    rough: float
    jitter: float
    vibrato_hz: float
    vibrato_depth: float
    vibrato_delay: float
    glide: float
    wander: float
    pace: float
    scoop: float
    detune: float
    melisma: float
    spoken: bool
    consonants: tuple[float, ...]
    sibilance: float


def singer_id(seed: int) -> int:
    """Return the number of the artist, below SINGERS, who sings song `seed`."""
    return int(Generator(PCG64(SeedSequence([seed, 1]))).integers(SINGERS))


def singer_of(seed: int) -> str:
    """Return the artist of song `seed`; an artist has one voice, so that splits by artist make sense."""
    return _name(singer_id(seed))


def song_title(seed: int) -> str:
    """Return the title of song `seed`, which contains the seed, so that titles are unique."""
    rng = Generator(PCG64(SeedSequence([seed, 2])))
    return f"{rng.choice(_MOODS)} {rng.choice(_THINGS)} {seed}"


def _name(identity: int) -> str:
    return f"{_FIRST[identity % len(_FIRST)]} {_LAST[identity // len(_FIRST)]}"


def make_singer(identity: int) -> Singer:
    """Return the voice of artist `identity`.

    Ranges: vocal tracts scale the formants of women by about 1.17 and of children by 1.3 against men (Peterson and
    Barney 1952, Fant 1960); vibrato lies at 4.5-7 Hz (Sundberg 1987).
    """
    rng = Generator(PCG64(SeedSequence([identity, 4711])))
    kind = rng.choice(3, p=[0.5, 0.43, 0.07])
    low = (float(rng.uniform(41, 53)), float(rng.uniform(52, 61)), float(rng.uniform(58, 64)))[kind]
    weights = rng.dirichlet(np.full(len(CONSONANTS), 1.5))
    return Singer(
        name=_name(identity),
        low=low,
        span=float(rng.uniform(12, 19)),
        tract=(1.0, 1.16, 1.28)[kind] * float(rng.uniform(0.93, 1.07)),
        tilt=float(rng.uniform(3.0, 11.0)),
        open_quotient=float(rng.uniform(0.4, 0.75)),
        formant_slope=float(rng.uniform(2.0, 6.5)),
        formant_shift=tuple(float(value) for value in rng.normal(1.0, [0.05, 0.06, 0.05, 0.05, 0.05])),
        bandwidth=float(rng.uniform(0.8, 1.6)),
        singer_formant=float(rng.uniform(0.0, 9.0)),
        breath=float(rng.choice([0.01, 0.03, 0.08, 0.2]) * rng.uniform(0.6, 1.4)),
        rough=float(rng.uniform(0.2, 0.7)) if rng.random() < 0.25 else 0.0,
        jitter=float(rng.uniform(0.002, 0.012)),
        vibrato_hz=float(rng.uniform(4.5, 7.0)),
        vibrato_depth=float(rng.uniform(0.0, 0.6)),
        vibrato_delay=float(rng.uniform(0.1, 0.5)),
        glide=float(rng.uniform(0.012, 0.06)),
        wander=float(rng.uniform(0.03, 0.16)),
        pace=float(rng.choice([1.0, 1.0, 1.5, 2.0])),
        scoop=float(rng.uniform(0.0, 0.6)),
        detune=float(rng.uniform(0.0, 0.2)),
        melisma=float(rng.uniform(0.03, 0.25)),
        spoken=bool(rng.random() < 0.12),
        consonants=tuple(float(value) for value in weights / weights.sum()),
        sibilance=float(rng.uniform(0.5, 1.6)),
    )
