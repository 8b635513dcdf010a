"""The accompaniment's other instruments: guitars, keys, organs, pads, strings and arpeggios."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d

from demo_songs.leads import lead_line
from demo_songs.score import Chord, Score
from demo_songs.signals import (
    CONTROL_HOP,
    Signal,
    Tone,
    control_points,
    decay,
    filtered,
    midi_to_hz,
    oscillate,
    place,
    play_samples,
    pluck,
    saw_series,
    smooth_noise,
    to_audio_rate,
    wavetables,
)

Maker = Callable[[np.random.Generator, Score, int, int], Signal]


@dataclass(frozen=True)
class Instrument:
    """An instrument: its renderer of a mono track, the part that it plays, and its weight in the draw."""

    make: Maker
    part: str
    weight: float


def other_track(rng: np.random.Generator, score: Score, samples: int, rate: int) -> Signal:
    """Return two to four instruments across the stereo image, (2, samples), without reverb."""
    weights = np.array([item.weight for item in INSTRUMENTS.values()])
    count = int(rng.choice([2, 3, 4], p=[0.3, 0.45, 0.25]))
    names = rng.choice(list(INSTRUMENTS), count, replace=False, p=weights / weights.sum())
    stereo = np.zeros((2, samples))
    for index, name in enumerate(names):
        item = INSTRUMENTS[str(name)]
        mono = item.make(rng, _only(score, item.part, index == 0), samples, rate)
        level = 10.0 ** (rng.uniform(-9.0, 0.0) / 20.0)
        mono *= level / (np.sqrt(np.mean(mono**2)) + 1e-3)
        stereo += _spread(rng, mono, rate)
    return 0.1 * stereo


def _only(score: Score, part: str, always: bool) -> Score:
    """Return the score with the chords of the sections in which `part` plays; the first instrument always has some."""
    kept = tuple(chord for chord in score.chords if score.plays(part, chord.start + 0.01))
    if not kept and always:
        kept = score.chords
    return replace(score, chords=kept)


def _spread(rng: np.random.Generator, mono: Signal, rate: int) -> Signal:
    """Return a mono track in the stereo image: panned, doubled by a delay (Haas 1951), or widened by a chorus."""
    pan = rng.uniform(-0.85, 0.85)
    kind = rng.random()
    if kind < 0.3:
        late = np.roll(mono, int(rng.uniform(0.008, 0.03) * rate))
        return np.stack([mono + 0.3 * late, late + 0.3 * mono])
    if kind < 0.7:
        time = np.arange(len(mono))
        sweep = np.sin(2 * np.pi * rng.uniform(0.2, 1.2) * time / rate)
        wet = np.interp(time - (0.012 + 0.004 * sweep) * rate, time, mono)
        return np.stack([mono + 0.7 * wet, mono - 0.7 * wet]) * np.sqrt([[1 - 0.5 * pan], [1 + 0.5 * pan]])
    return mono * np.sqrt([[1 - pan], [1 + pan]])


def voiced(rng: np.random.Generator, chord: Chord, low: float, count: int) -> list[float]:
    """Return `count` MIDI pitches of the chord at or above `low`, in a random inversion."""
    classes = sorted({(chord.root + step) % 12 for step in chord.intervals})
    pitches = [low + (pitch - low) % 12 + 12 * octave for octave in range(3) for pitch in classes]
    start = int(rng.integers(0, 2))
    return sorted(pitches)[start : start + count]


def _strum_times(rng: np.random.Generator, score: Score) -> list[tuple[float, float]]:
    patterns = (
        (0.0, 1.0, 2.0, 3.0), (0.0, 1.0, 1.5, 2.5, 3.0, 3.5), tuple(0.5 * step for step in range(8)), (0.0,),
        (0.5, 1.5, 2.5, 3.5), (0.0, 0.75, 1.5, 2.0, 2.75, 3.5), (0.0, 2.0), tuple(0.25 * step for step in range(16)),
    )  # fmt: skip
    onsets = patterns[int(rng.integers(len(patterns)))]
    gaps = [*[after - before for before, after in pairwise(onsets)], 4.0 - onsets[-1]]
    return [(onset, gap) for onset, gap in zip(onsets, gaps, strict=True)]


def _struck(rng: np.random.Generator, score: Score, low: float, count: int, strum: float) -> list[Tone]:
    """Return the tones of rhythmic chords, with `strum` seconds between two strings."""
    rhythm = _strum_times(rng, score)
    tones: list[Tone] = []
    for chord in score.chords:
        pitches = voiced(rng, chord, low, count)
        for onset, gap in rhythm:
            for bar in range(max(1, round(chord.length / (4 * score.beat)))):
                time = (onset + 4 * bar) * score.beat
                if time >= chord.length - 1e-6:
                    continue
                length = min(gap * score.beat, chord.length - time)
                velocity = float(rng.uniform(0.6, 1.0))
                tones += [
                    (chord.start + time + strum * index, length, midi, velocity * float(rng.uniform(0.8, 1.0)))
                    for index, midi in enumerate(pitches)
                ]
    return tones


def _held(rng: np.random.Generator, score: Score, low: float, count: int) -> list[Tone]:
    return [(chord.start, chord.length, midi, 1.0) for chord in score.chords for midi in voiced(rng, chord, low, count)]


def _arpeggio(rng: np.random.Generator, score: Score, low: float, count: int) -> list[Tone]:
    step = score.beat * float(rng.choice([0.25, 0.5, 0.5]))
    order = rng.permutation(count)
    tones: list[Tone] = []
    for chord in score.chords:
        pitches = voiced(rng, chord, low, count)
        for index in range(int(chord.length / step + 1e-6)):
            pitch = pitches[order[index % count] % len(pitches)]
            tones.append((chord.start + index * step, step * 1.2, pitch, float(rng.uniform(0.6, 1.0))))
    return tones


def _guitar(rng: np.random.Generator, score: Score, samples: int, rate: int) -> Signal:
    damping, pick = float(rng.uniform(0.001, 0.01)), float(rng.uniform(0.05, 0.45))
    body = rng.uniform(90.0, 240.0)

    def note(midi: float) -> Signal:
        return pluck(rng, float(midi_to_hz(midi)), 2.0, rate, damping, pick)

    low = float(rng.uniform(40, 54))
    tones = (
        _arpeggio(rng, score, low, 5) if rng.random() < 0.4 else _struck(rng, score, low, 5, rng.uniform(0.004, 0.02))
    )
    dry = play_samples(tones, note, samples, rate, release=0.08)
    return dry + 2.0 * filtered(dry, "bandpass", (0.8 * body, 1.25 * body), rate, 1)


def _power_guitar(rng: np.random.Generator, score: Score, samples: int, rate: int) -> Signal:
    """Return fifths through a clipping amplifier and a loudspeaker with a limit near 5 kHz, sometimes doubled."""
    damping, muted = float(rng.uniform(0.0005, 0.003)), rng.random() < 0.4
    rhythm = _strum_times(rng, score)

    def note(midi: float) -> Signal:
        return pluck(rng, float(midi_to_hz(midi)), 2.5, rate, 0.02 if muted else damping, 0.12)

    tones: list[Tone] = []
    for chord in score.chords:
        for onset, gap in rhythm:
            if onset * score.beat < chord.length:
                held = min(gap * score.beat, chord.length - onset * score.beat)
                start = chord.start + onset * score.beat
                tones += [(start, held, float(chord.root + step), 1.0) for step in (4, 11, 16)[: 3 if muted else 2]]
                tones.append((start, held, float(chord.root + 12), 1.0))
    dry = play_samples(tones, note, samples, rate, release=0.04)
    amplified = np.tanh(filtered(dry, "highpass", 120.0, rate, 1) * rng.uniform(10.0, 60.0))
    return filtered(amplified, "bandpass", (90.0, float(rng.uniform(3500.0, 6500.0))), rate)


def _piano(rng: np.random.Generator, score: Score, samples: int, rate: int) -> Signal:
    """Return a tone of stretched partials; higher ones decay faster (Fletcher and Rossing 1998)."""
    hardness, stretch, sustain = rng.uniform(0.5, 1.6), rng.uniform(1e-4, 8e-4), rng.uniform(0.5, 2.0)

    def note(midi: float) -> Signal:
        hertz = float(midi_to_hz(midi))
        time = np.arange(int(2.5 * rate)) / rate
        tone = np.zeros(len(time))
        for k in range(1, int(min(16, 7000.0 / hertz)) + 1):
            partial = k * hertz * np.sqrt(1.0 + stretch * k * k)
            fading = np.exp(-time * (0.6 + 0.35 * k) / sustain)
            tone += k**-hardness * fading * np.sin(2 * np.pi * (partial * time + rng.random()))
        knock = filtered(rng.standard_normal(len(time)), "lowpass", 1500.0, rate, 1) * decay(len(time), rate, 0.012)
        return tone + 0.3 * knock

    low = float(rng.uniform(38, 62))
    tones = _arpeggio(rng, score, low, 4) if rng.random() < 0.35 else _struck(rng, score, low, 4, 0.0)
    return play_samples(tones, note, samples, rate, release=0.12)


def _sustained(series: Callable[[np.random.Generator], Signal], detune: float, slow: float) -> Maker:
    """Return a renderer of held chords: unison voices `detune` semitones apart, with an attack of `slow` seconds."""

    def make(rng: np.random.Generator, score: Score, samples: int, rate: int) -> Signal:
        tables = wavetables(series(rng), rng.uniform(0.0, 2 * np.pi, 512))
        cutoff = float(10.0 ** rng.uniform(2.8, 4.0))
        longest = max((chord.length for chord in score.chords), default=0.1) + 0.3

        def note(midi: float) -> Signal:
            count = int(min(longest, score.seconds + 0.3) * rate)
            wobble = 0.1 * detune * smooth_noise(rng, control_points(count), 0.1 * rate / CONTROL_HOP)
            tone = np.zeros(count)
            for side in (-1.0, 1.0) if detune else (0.0,):
                hertz = to_audio_rate(midi_to_hz(midi + side * detune + wobble), count)
                tone += oscillate(tables, hertz, rate, float(rng.random()))
            return tone * np.minimum(1.0, np.arange(count) / (slow * rate + 1.0))

        low = float(rng.uniform(44, 66))
        stabs = slow < 0.05 and rng.random() < 0.4
        tones = _struck(rng, score, low, 3, 0.0) if stabs else _held(rng, score, low, 4)
        track = play_samples(tones, note, samples, rate, release=max(0.05, slow))
        if rng.random() < 0.3:
            track *= 1.0 + rng.uniform(0.1, 0.5) * np.sin(2 * np.pi * rng.uniform(3, 7) * np.arange(samples) / rate)
        return filtered(track, "lowpass", cutoff, rate, 1 if rng.random() < 0.5 else 2)

    return make


def _drawbars(rng: np.random.Generator) -> Signal:
    series = np.zeros(16)
    series[[0, 1, 2, 3, 4, 5, 7]] = rng.uniform(0.0, 1.0, 7)
    series[0] = 1.0
    return series


def _saw(rng: np.random.Generator) -> Signal:
    return saw_series(float(rng.uniform(0.9, 1.3)), bool(rng.random() < 0.3))


def _bowed(rng: np.random.Generator) -> Signal:
    return saw_series(1.0) * (1.0 + 1.5 * gaussian_filter1d(rng.standard_normal(512), 1.5).clip(-0.6, 2.0))


def _plucked_synth(rng: np.random.Generator, score: Score, samples: int, rate: int) -> Signal:
    tables = wavetables(saw_series(float(rng.uniform(0.8, 2.0)), bool(rng.random() < 0.5)))
    fading, cutoff = rng.uniform(0.08, 0.5), rng.uniform(800.0, 6000.0)

    def note(midi: float) -> Signal:
        hertz = np.full(int(1.0 * rate), float(midi_to_hz(midi)))
        return oscillate(tables, hertz, rate) * decay(len(hertz), rate, fading)

    tones = _arpeggio(rng, score, float(rng.uniform(55, 72)), int(rng.integers(3, 6)))
    track = play_samples(tones, note, samples, rate, release=0.05)
    echo = np.zeros(samples)
    place(echo, track, 0.75 * score.beat, 0.45, rate)
    return filtered(track + echo, "lowpass", cutoff, rate)


INSTRUMENTS = {
    "guitar": Instrument(_guitar, "chords", 1.6),
    "power guitar": Instrument(_power_guitar, "chords", 1.6),
    "piano": Instrument(_piano, "chords", 1.0),
    "organ": Instrument(_sustained(_drawbars, 0.0, 0.01), "pad", 0.8),
    "pad": Instrument(_sustained(_saw, 0.08, 0.25), "pad", 0.8),
    "stabs": Instrument(_sustained(_saw, 0.05, 0.005), "chords", 0.6),
    "strings": Instrument(_sustained(_bowed, 0.06, 0.12), "pad", 0.8),
    "arpeggio": Instrument(_plucked_synth, "extra", 0.8),
    "lead": Instrument(lead_line, "lead", 1.3),
}
