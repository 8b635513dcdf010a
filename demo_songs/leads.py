"""Solo instruments that resemble a voice, so that a network learns the difference."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from demo_songs.score import Score
from demo_songs.signals import (
    CONTROL_HOP,
    Signal,
    control_points,
    filtered,
    midi_to_hz,
    oscillate,
    saw_series,
    smooth_noise,
    to_audio_rate,
    wavetables,
)


def lead_line(rng: np.random.Generator, score: Score, samples: int, rate: int) -> Signal:
    """Return a solo line with glides and vibrato; unlike a voice it has fixed formants and no consonants.

    Its harmonics resemble saw, square, reed, brass, flute or fiddle, with up to three fixed resonances or a wah.
    """
    points, hz = control_points(samples), rate / CONTROL_HOP
    midi, gate, bend = _solo(rng, score, points, hz)
    vibrato = np.sin(2 * np.pi * rng.uniform(4.0, 7.5) * np.arange(points) / hz)
    depth = rng.uniform(0.0, 0.5) * gaussian_filter1d(bend, 0.05 * hz)
    curve = gaussian_filter1d(midi, max(1.0, rng.uniform(0.002, 0.05) * hz)) + depth * vibrato
    hertz = to_audio_rate(midi_to_hz(curve + 0.03 * smooth_noise(rng, points, 0.05 * hz)), samples)
    series = saw_series(float(rng.uniform(0.5, 2.2)), bool(rng.random() < 0.3))
    loud = to_audio_rate(gaussian_filter1d(gate, rng.uniform(0.004, 0.03) * hz), samples)
    tone = oscillate(wavetables(series, rng.uniform(0.0, 6.3, 512)), hertz, rate) * loud
    if rng.random() < 0.4:
        tone += rng.uniform(0.02, 0.2) * filtered(rng.standard_normal(samples), "highpass", 800.0, rate, 1) * loud
    body = tone.copy()
    for _ in range(int(rng.integers(0, 4))):
        centre = float(np.exp(rng.uniform(np.log(300.0), np.log(3500.0))))
        body += rng.uniform(0.5, 3.0) * filtered(tone, "bandpass", (0.85 * centre, 1.15 * centre), rate, 1)
    if rng.random() < 0.3:
        body = np.tanh(body * rng.uniform(1.0, 8.0))
    return filtered(body, "lowpass", float(10.0 ** rng.uniform(3.3, 4.1)), rate, 1)


def _solo(rng: np.random.Generator, score: Score, points: int, hz: float) -> tuple[Signal, Signal, Signal]:
    """Return MIDI pitch, gate and vibrato depth of a solo line per control point."""
    midi, gate, bend = np.full(points, 64.0), np.zeros(points), np.zeros(points)
    low = rng.uniform(52, 72)
    degree, tied = int(rng.integers(0, 7)), rng.uniform(0.0, 0.6)
    for chord in score.chords:
        time = chord.start
        while time < chord.start + chord.length - 0.05:
            length = score.beat * float(rng.choice([0.5, 0.5, 1.0, 1.0, 2.0, 0.25]))
            begin, end = int(time * hz), int((time + length) * hz)
            degree = int(np.clip(degree + rng.integers(-2, 3), 0, 10))
            midi[begin:] = low + (score.tonic - low) % 12 + score.scale[degree % 7] + 12 * (degree // 7)
            if rng.random() < 0.8:
                stop = end if rng.random() < tied else end - int(0.2 * (end - begin))
                gate[begin:stop] = rng.uniform(0.7, 1.0)
                bend[begin + int(0.15 * hz) : stop] = 1.0
            time += length
    return midi, gate, bend
