"""The singing voice: a glottal source, moving formants, consonants and breath (the source-filter model, Fant 1960)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft
from scipy.ndimage import gaussian_filter1d

from demo_songs.phonetics import SOUNDS, VOWELS, Consonant
from demo_songs.score import Syllable
from demo_songs.signals import (
    CONTROL_HOP,
    TABLE_SIZE,
    Signal,
    control_points,
    filtered,
    midi_to_hz,
    read_wavetable,
    smooth_noise,
    to_audio_rate,
    wavetables,
)
from demo_songs.singers import Singer


@dataclass(frozen=True)
class Gestures:
    """Control curves of one performance, one value per control point; `noises` is keyed by its band in Hz."""

    midi: Signal
    voiced: Signal
    breath: Signal
    formants: Signal  # (points, 5) in Hz of a man's tract
    vibrato: Signal
    noises: dict[tuple[float, float], Signal]

    def first(self, points: int) -> Gestures:
        """Return the gestures of the first `points` control points; phrases may run past the end of the song."""
        noises = {edges: curve[:points] for edges, curve in self.noises.items()}
        return Gestures(
            self.midi[:points], self.voiced[:points], self.breath[:points],
            self.formants[:points], self.vibrato[:points], noises,
        )  # fmt: skip


def sing(rng: np.random.Generator, singer: Singer, syllables: Sequence[Syllable], samples: int, rate: int) -> Signal:
    """Return one take of a melody, shape (samples,), with about 0.1 RMS while singing."""
    gestures = _plan(rng, singer, syllables, control_points(samples), rate / CONTROL_HOP)
    hertz_control, amplitude = _pitch_and_loudness(rng, singer, gestures, rate)
    hertz = to_audio_rate(hertz_control, samples)
    phase = float(rng.random()) + np.cumsum(hertz) / rate
    loudness = to_audio_rate(amplitude, samples)
    source = _glottis(rng, singer, phase, hertz, loudness, to_audio_rate(gestures.breath, samples), rate)
    voice = _vocal_tract(source, gestures.formants, hertz_control, singer, rate)
    hiss = rng.standard_normal(samples)
    for edges, envelope in gestures.noises.items():
        if envelope.any():
            voice += filtered(hiss, "bandpass", edges, rate) * to_audio_rate(gaussian_filter1d(envelope, 0.9), samples)
    return voice


def _plan(rng: np.random.Generator, singer: Singer, syllables: Sequence[Syllable], points: int, hz: float) -> Gestures:
    bands = {sound.noise for sound in SOUNDS.values() if sound.noise is not None}
    room = max([points, *(int((syllable.start + syllable.length) * hz) + 2 for syllable in syllables)])
    plan = Gestures(
        midi=np.full(room, np.nan),
        voiced=np.zeros(room),
        breath=np.zeros(room),
        formants=np.full((room, 5), np.nan),
        vibrato=np.zeros(room),
        noises={edges: np.zeros(room) for edges in sorted(bands)},
    )
    for syllable in syllables:
        _write_syllable(rng, singer, plan, syllable, hz)
    _fill_forward(plan.midi, 57.0)
    for column in plan.formants.T:
        _fill_forward(column, 500.0)
    return plan.first(points)


def _fill_forward(values: Signal, default: float) -> None:
    known = np.where(np.isnan(values), 0, np.arange(len(values)))
    np.maximum.accumulate(known, out=known)
    values[:] = np.nan_to_num(values[known], nan=default)


def _write_syllable(rng: np.random.Generator, singer: Singer, plan: Gestures, syllable: Syllable, hz: float) -> None:
    begin = int(syllable.start * hz)
    end = int((syllable.start + syllable.length) * hz)
    if syllable.first and rng.random() < 0.6:  # the breath taken before a phrase
        inhale = slice(max(0, begin - int(0.4 * hz)), max(0, begin - int(0.08 * hz)))
        plan.breath[inhale] = rng.uniform(0.01, 0.06)
    start = begin
    if syllable.onset:
        start = min(max(begin, end - 4), begin + int(SOUNDS[syllable.onset].length * rng.uniform(0.6, 1.3) * hz))
        _write_consonant(plan, SOUNDS[syllable.onset], slice(begin, start), syllable.velocity, singer)
        if syllable.onset == "h":
            plan.breath[begin : start + 8] = 0.15 * syllable.velocity
    stop = end
    if syllable.coda:
        stop = end - min(int(0.09 * hz), (end - start) // 3)
        _write_consonant(plan, SOUNDS[syllable.coda], slice(stop, end), 0.7 * syllable.velocity, singer)
    plan.midi[begin:end] = syllable.midi
    time = np.arange(stop - start) / hz
    fade = np.minimum(1.0, (time[::-1] + 0.004) / (0.09 if syllable.last else 0.02))
    shape = (0.75 + 0.25 * np.exp(-time / 0.25)) * fade * syllable.velocity
    plan.voiced[start:stop] = shape
    blend = np.clip((time / max(syllable.length, 0.05) - 0.4) * 3.0, 0.0, 1.0)[:, None]
    plan.formants[start:stop] = VOWELS[syllable.vowel] * (1 - blend) + VOWELS[syllable.glide] * blend
    if syllable.length > 0.25 and not singer.spoken:
        plan.vibrato[start:stop] = np.clip((time - singer.vibrato_delay) / 0.25, 0.0, 1.0)
    if rng.random() < singer.scoop:
        scoop = -rng.uniform(0.5, 3.0) * np.exp(-np.arange(end - begin) / (rng.uniform(0.03, 0.1) * hz))
        plan.midi[begin:end] += scoop


def _write_consonant(plan: Gestures, sound: Consonant, where: slice, velocity: float, singer: Singer) -> None:
    plan.voiced[where] = sound.voicing * velocity
    if sound.formants is not None:
        plan.formants[where] = sound.formants
    if sound.noise is None:
        return
    envelope = plan.noises[sound.noise]
    burst = where.start + int(sound.closure * (where.stop - where.start))
    size = len(envelope[burst : where.stop])
    shape = np.linspace(1.0, 0.15, size) ** 2 if sound.closure else np.hanning(size + 2)[1:-1] ** 0.5
    envelope[burst : where.stop] = sound.level * singer.sibilance * velocity**0.5 * shape


def _pitch_and_loudness(rng: np.random.Generator, singer: Singer, plan: Gestures, rate: int) -> tuple[Signal, Signal]:
    """Return frequency in Hz and amplitude per control point, with portamento, vibrato, drift, jitter and shimmer."""
    hz = rate / CONTROL_HOP
    points = len(plan.midi)
    midi = gaussian_filter1d(plan.midi, max(1.0, singer.glide * hz))
    rise = gaussian_filter1d(plan.vibrato, 0.05 * hz)
    speed = singer.vibrato_hz * (1.0 + 0.06 * smooth_noise(rng, points, 0.3 * hz))
    swing = np.sin(2.0 * np.pi * (rng.random() + np.cumsum(speed) / hz))
    midi += singer.vibrato_depth * rise * swing + singer.wander * smooth_noise(rng, points, 0.12 * hz)
    midi += 12.0 * singer.jitter * smooth_noise(rng, points, 1.2) * (1.0 + 2.0 * singer.rough)
    amplitude = gaussian_filter1d(plan.voiced, 0.008 * hz)
    shimmer = 0.08 * smooth_noise(rng, points, 1.5) + 0.12 * smooth_noise(rng, points, 0.1 * hz)
    tremble = 1.0 + 0.35 * singer.vibrato_depth * rise * np.roll(swing, int(0.04 * hz))
    return np.clip(midi_to_hz(midi), 50.0, 1400.0), np.maximum(amplitude * tremble * (1.0 + shimmer), 0.0)


def glottal_tables(singer: Singer, effort: float) -> Signal:
    """Return wavetables of the glottal flow's derivative: Rosenberg's (1971) pulse C, with a tilt by effort.

    `effort` in 0 (soft: long open phase, dull) to 1 (loud: short open phase, bright).
    """
    open_part = np.clip(singer.open_quotient + 0.15 * (0.5 - effort), 0.3, 0.9)
    rise, fall = 0.68 * open_part, 0.32 * open_part
    t = np.arange(TABLE_SIZE) / TABLE_SIZE
    flow = np.where(t < rise, 0.5 * (1 - np.cos(np.pi * t / rise)), np.cos(0.5 * np.pi * (t - rise) / fall))
    spectrum = np.fft.rfft(np.where(t < open_part, flow, 0.0))[1:]
    k = np.arange(1, len(spectrum) + 1, dtype=np.float64)
    derivative = spectrum * 1j * k
    # sharp zeros sound unnatural: the floor fills them, like the ripple of the return phase in the LF model
    smooth = np.maximum(np.abs(derivative), 0.3 * np.abs(derivative).max() / np.sqrt(k))
    loss = (singer.tilt * (1.3 - 0.6 * effort) - 4.0) / 6.02
    return wavetables(smooth * (1 + k / 6.0) ** -loss, np.angle(derivative))


def _glottis(
    rng: np.random.Generator, singer: Singer, phase: Signal, hertz: Signal, loudness: Signal, breath: Signal, rate: int
) -> Signal:
    soft = read_wavetable(glottal_tables(singer, 0.0), phase, hertz, rate)
    loud = read_wavetable(glottal_tables(singer, 1.0), phase, hertz, rate)
    effort = np.clip(loudness, 0.0, 1.0)
    source = (soft + effort * (loud - soft)) * loudness
    if singer.rough:
        source *= 1.0 + singer.rough * np.sin(np.pi * phase)  # every other pulse weaker: a growl an octave below
    aspiration = filtered(rng.standard_normal(len(phase)), "highpass", 700.0, rate, 1)
    open_glottis = 0.6 + 0.4 * np.cos(2.0 * np.pi * phase)
    return np.asarray(source + aspiration * (breath + singer.breath * loudness * open_glottis))


def _vocal_tract(source: Signal, formants: Signal, hertz: Signal, singer: Singer, rate: int) -> Signal:
    """Filter with moving formants in the short-time Fourier domain; frames of about 23 ms overlap by half."""
    size = 2 ** max(6, round(np.log2(0.0232 * rate)))
    hop = size // 2
    frames = len(source) // hop + 2
    padded = np.zeros((frames + 1) * hop, dtype=np.float32)  # single precision: twice as fast, and 140 dB clean
    padded[hop : hop + len(source)] = source
    window = np.sin(np.pi * (np.arange(size) + 0.5) / size).astype(np.float32)
    spectrum = rfft(np.lib.stride_tricks.sliding_window_view(padded, size)[::hop] * window, axis=1)
    centre = np.clip(np.arange(spectrum.shape[0]) * hop // CONTROL_HOP, 0, len(hertz) - 1)
    smooth = gaussian_filter1d(formants, 0.018 * rate / CONTROL_HOP, axis=0)[centre]
    response = formant_response(smooth, hertz[centre], np.arange(hop + 1) * (rate / size), singer)
    shaped = irfft(spectrum * response, size, axis=1) * window
    out = np.zeros((shaped.shape[0] + 1) * hop)
    out[:-hop] += shaped[:, :hop].ravel()
    out[hop:] += shaped[:, hop:].ravel()
    return out[hop : hop + len(source)]


def formant_response(formants: Signal, hertz: Signal, frequencies: Signal, singer: Singer) -> NDArray[np.complex64]:
    """Return gains (frames, bins) of parallel resonators of alternating sign (Klatt 1980) at formants (frames, 5)."""
    centres = formants * singer.tract * np.array(singer.formant_shift)
    centres[:, 0] = np.maximum(centres[:, 0], 1.03 * hertz)  # high voices tune F1 to the pitch (Sundberg 1975)
    octaves = np.log2(centres / 500.0)
    level = -singer.formant_slope * octaves
    level[:, 2:] -= 7.0 * np.clip(np.log2(1500.0 / centres[:, 1:2]), 0.0, 1.0)
    level[:, 2:4] += singer.singer_formant
    gains = 10.0 ** (level / 20.0)
    widths = singer.bandwidth * (50.0 + 0.045 * centres)
    f = np.asarray(frequencies, dtype=np.float32)[None, :]
    total = np.zeros((len(formants), len(frequencies)), dtype=np.complex64)
    for index in range(5):
        centre, width, gain = (
            np.asarray(values[:, index], dtype=np.float32)[:, None] for values in (centres, widths, gains)
        )
        slope = 1j * f * width
        total += (gain * (-1.0) ** index) * slope / (centre**2 - f**2 + slope)
    return total
