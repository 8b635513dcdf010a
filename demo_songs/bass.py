"""Bass lines that follow the chords' roots: sine, saw, FM and plucked (Karplus-Strong) sounds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from demo_songs.score import Score
from demo_songs.signals import (
    Signal,
    Tone,
    decay,
    filtered,
    midi_to_hz,
    oscillate,
    play_samples,
    pluck,
    saw_series,
    wavetables,
)

RHYTHMS = (  # onset and length in beats within a bar of four, and semitones above the root (12 is the octave)
    ((0.0, 3.8, 0),),
    ((0.0, 0.9, 0), (1.0, 0.9, 0), (2.0, 0.9, 0), (3.0, 0.9, 0)),
    tuple((0.5 * step, 0.45, 0) for step in range(8)),
    tuple((0.5 * step, 0.4, 12 * (step % 2)) for step in range(8)),
    ((0.0, 1.4, 0), (1.5, 0.4, 0), (2.0, 0.9, 7), (3.0, 0.5, 0), (3.5, 0.5, 12)),
    ((0.0, 0.7, 0), (0.75, 0.7, 0), (1.5, 0.5, 0), (2.5, 0.9, 7), (3.5, 0.4, 10)),
    ((0.0, 0.9, 0), (1.0, 0.9, 4), (2.0, 0.9, 7), (3.0, 0.9, 9)),
    tuple((0.25 * step, 0.22, 0) for step in range(16)),
)


def bass_track(rng: np.random.Generator, score: Score, samples: int, rate: int) -> Signal:
    """Return the bass, (2, samples), in the centre, sometimes widened by a short delay."""
    tones = _line(rng, score)
    voice = VOICES[int(rng.integers(len(VOICES)))](rng, rate)
    mono = play_samples(tones, voice, samples, rate, release=0.03)
    if rng.random() < 0.35:
        drive = rng.uniform(1.5, 8.0)
        mono = np.tanh(mono * drive) / drive**0.6
    mono = filtered(mono, "highpass", 30.0, rate)
    side = 0.0 if rng.random() < 0.6 else rng.uniform(0.05, 0.3)
    late = filtered(np.roll(mono, int(0.011 * rate)), "highpass", 150.0, rate, 1)
    return np.stack([mono + side * late, mono - side * late])


def _line(rng: np.random.Generator, score: Score) -> list[Tone]:
    rhythm = RHYTHMS[int(rng.integers(len(RHYTHMS)))]
    octave = -12.0 if rng.random() < 0.3 else 0.0
    tones: list[Tone] = []
    for chord in score.chords:
        for onset, length, step in rhythm:
            time = onset * score.beat
            while time < chord.length - 1e-6:
                if score.plays("bass", chord.start + time) and rng.random() < 0.94:
                    midi = chord.root + step + (octave if chord.root >= 40 else 0.0)
                    velocity = float(rng.uniform(0.75, 1.0))
                    tones.append((chord.start + time, min(length * score.beat, chord.length - time), midi, velocity))
                time += 4.0 * score.beat
    return tones


def _plucked(rng: np.random.Generator, rate: int) -> Callable[[float], Signal]:
    damping, pick = float(rng.uniform(0.0005, 0.004)), float(rng.uniform(0.08, 0.4))
    cutoff = rng.uniform(400.0, 3000.0)

    def note(midi: float) -> Signal:
        string = pluck(rng, float(midi_to_hz(midi)), 2.5, rate, damping, pick)
        return 2.0 * filtered(string, "lowpass", cutoff, rate, 1)

    return note


def _synth(rng: np.random.Generator, rate: int) -> Callable[[float], Signal]:
    tables = wavetables(saw_series(float(rng.uniform(0.8, 1.6)), bool(rng.random() < 0.4)))
    cutoff, pluckiness = rng.uniform(150.0, 1500.0), rng.uniform(0.2, 2.0)

    def note(midi: float) -> Signal:
        hertz = np.full(int(3.5 * rate), float(midi_to_hz(midi)))
        raw = oscillate(tables, hertz, rate) * (0.6 + 0.4 * decay(len(hertz), rate, pluckiness))
        bright = filtered(raw, "lowpass", cutoff * 3, rate) * decay(len(hertz), rate, 0.15)
        return 0.5 * filtered(raw, "lowpass", cutoff, rate) + 0.3 * bright

    return note


def _sine(rng: np.random.Generator, rate: int) -> Callable[[float], Signal]:
    tables = wavetables(saw_series(float(rng.uniform(2.0, 4.0)), count=12))
    length = rng.uniform(0.4, 4.0)

    def note(midi: float) -> Signal:
        count = int(3.5 * rate)
        attack = np.minimum(1.0, np.arange(count) / (0.006 * rate))
        return (
            0.5 * oscillate(tables, np.full(count, float(midi_to_hz(midi))), rate) * decay(count, rate, length) * attack
        )

    return note


def _fm(rng: np.random.Generator, rate: int) -> Callable[[float], Signal]:
    """Return a tone by two-operator frequency modulation (Chowning 1973)."""
    ratio, index, fading = float(rng.choice([1.0, 2.0, 3.0])), rng.uniform(0.8, 3.5), rng.uniform(0.1, 0.8)

    def note(midi: float) -> Signal:
        count = int(2.5 * rate)
        turn = 2.0 * np.pi * float(midi_to_hz(midi)) * np.arange(count) / rate
        modulator = index * decay(count, rate, fading) * np.sin(ratio * turn)
        return 0.5 * np.sin(turn + modulator) * decay(count, rate, 1.2)

    return note


VOICES = (_plucked, _plucked, _plucked, _synth, _synth, _sine, _fm)
