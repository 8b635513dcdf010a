"""The four stems of a song, rendered from a seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence
from numpy.typing import NDArray

from demo_songs.bass import bass_track
from demo_songs.chords import other_track
from demo_songs.drums import drum_track
from demo_songs.score import Score, Syllable, compose, melody
from demo_songs.signals import Signal, decibels, filtered
from demo_songs.singers import Singer, make_singer, singer_id
from demo_songs.space import compress, produce, room_response
from demo_songs.voice import sing

STEMS = ("vocals", "drums", "bass", "other")
PEAK = 0.9

# RMS in dB relative to the mixture, mean and deviation, measured on the training excerpts of MUSDB18-7
LEVELS = {"drums": (-6.0, 3.0), "bass": (-7.3, 2.8), "other": (-6.4, 2.6)}


def render_song(seed: int, seconds: float, rate: int = 44100) -> dict[str, NDArray[np.float32]]:
    """Return the stems of song `seed` by the names in STEMS, each (2, round(seconds * rate)) float32.

    The stems add up to the mixture. One gain for all of them keeps its peak at 0.9 or below. The same
    arguments give the same bits on the same machine. Raises ValueError for less than one sample or a negative seed.
    """
    samples = round(seconds * rate)
    if samples < 1:
        raise ValueError(f"a song needs at least one sample, got {seconds} s at {rate} Hz")
    rngs = [Generator(PCG64(child)) for child in SeedSequence([seed, 0]).spawn(6)]
    score = compose(rngs[0], seconds)
    singer = make_singer(singer_id(seed))
    rooms = [room_response(rngs[5], float(rngs[5].uniform(*span)), rate) for span in ((0.2, 0.8), (0.8, 2.5))]
    dry = {
        "vocals": vocal_track(rngs[1], score, singer, samples, rate),
        "drums": drum_track(rngs[2], score, samples, rate),
        "bass": bass_track(rngs[3], score, samples, rate),
        "other": other_track(rngs[4], score, samples, rate),
    }
    stems = {name: _finish(rngs[5], name, dry[name], rooms, score, rate) for name in STEMS}
    return _balance(rngs[5], stems)


def vocal_track(rng: np.random.Generator, score: Score, singer: Singer, samples: int, rate: int) -> Signal:
    """Return the lead vocals, sometimes doubled or in harmony, compressed, (2, samples)."""
    line = melody(rng, score, singer)
    lead = sing(rng, singer, line, samples, rate)
    stereo = np.stack([lead, lead]) * np.sqrt(1.0 + rng.uniform(-0.15, 0.15) * np.array([[-1.0], [1.0]]))
    for late, interval, gain, pan in _companions(rng):
        take = sing(rng, singer, _moved(line, late, interval), samples, rate)
        stereo += gain * take * np.sqrt([[1.0 - pan], [1.0 + pan]])
    stereo = compress(filtered(stereo, "highpass", 80.0, rate), float(rng.uniform(1.5, 6.0)), rate)
    if rng.random() < 0.15:  # a driven preamplifier
        drive = rng.uniform(2.0, 6.0) / (np.abs(stereo).max() + 1e-9)
        stereo = np.tanh(stereo * drive)
    return stereo


def _companions(rng: np.random.Generator) -> list[tuple[float, int, float, float]]:
    """Return the takes beside the lead: delay in seconds, semitones up, gain and pan. Most songs have none."""

    def take(semitones: int, gain: float, wide: float) -> tuple[float, int, float, float]:
        return float(rng.uniform(0.0, 0.04)), semitones, gain, float(rng.uniform(0.3, 1.0) * wide * rng.choice([-1, 1]))

    kind = rng.random()
    if kind < 0.18:  # double-tracked
        return [take(0, float(rng.uniform(0.3, 0.9)), 0.5)]
    if kind < 0.36:  # a harmony
        return [take(int(rng.choice([-12, -5, 3, 4, 7, 12])), float(rng.uniform(0.2, 0.7)), 0.9)]
    if kind < 0.46:  # stacked
        gain = float(rng.uniform(0.3, 0.8))
        return [take(int(rng.choice([0, 4])), gain, 1.0), take(int(rng.choice([0, 7, -5])), gain, 1.0)]
    return []


def _moved(line: tuple[Syllable, ...], seconds: float, semitones: int) -> tuple[Syllable, ...]:
    return tuple(replace(note, start=note.start + seconds, midi=note.midi + semitones) for note in line)


def _finish(rng: np.random.Generator, name: str, dry: Signal, rooms: list[Signal], score: Score, rate: int) -> Signal:
    most = {"vocals": 0.5, "drums": 0.5, "bass": 0.0, "other": 0.5}[name]
    room = rooms[int(rng.random() < (0.3 if name == "drums" else 0.6))]
    wet = float(rng.uniform(0.02, most)) if most else 0.0
    echo = (0.0, 0.0)
    if name == "vocals" and rng.random() < 0.3:
        echo = (score.beat * float(rng.choice([0.25, 0.5, 0.75, 1.0])), float(rng.uniform(0.08, 0.3)))
    return produce(rng, name, dry, room, wet, echo, rate)


def _balance(rng: np.random.Generator, stems: dict[str, Signal]) -> dict[str, NDArray[np.float32]]:
    """Scale the stems to typical levels, the vocals about 4 dB below the rest, and limit the mixture's peak."""
    backing = np.zeros_like(stems["vocals"])
    for name, (mean, deviation) in LEVELS.items():
        wanted = decibels(float(np.clip(rng.normal(mean, deviation), mean - 8.0, mean + 6.0)))
        stems[name] = stems[name] * (wanted / _loudness(stems[name]))
        backing += stems[name]
    wanted = decibels(float(np.clip(rng.normal(-3.8, 2.4), -8.0, 2.0)))
    stems["vocals"] = stems["vocals"] * (wanted * _loudness(backing) / _loudness(stems["vocals"]))
    peak = float(np.abs(backing + stems["vocals"]).max())
    gain = min(PEAK * 0.999, rng.uniform(0.6, PEAK)) / max(peak, 1e-6)  # room for rounding to float32
    return {name: np.asarray(gain * stems[name], dtype=np.float32) for name in STEMS}


def _loudness(signal: Signal) -> float:
    """Return the RMS; for a track with few strokes a level from its peak, so that it does not get too loud."""
    return max(float(np.sqrt(np.mean(signal**2))), 0.08 * float(np.abs(signal).max()), 1e-5)
