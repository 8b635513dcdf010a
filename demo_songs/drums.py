"""Drum kits and grooves: each drum is synthesised a few times per song, then placed by a pattern of 16 steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from demo_songs.score import Score
from demo_songs.signals import Signal, decay, filtered, place

# probability of a hit on each of 16 steps: '.' never, '-' rarely, 'o' often, 'x' always
GROOVES: dict[str, tuple[dict[str, str], ...]] = {
    "rock": (
        {"kick": "x.....-.x.o.....", "snare": "....x..-....x..-", "hat": "x.x.x.x.x.x.x.x."},
        {"kick": "x.-...o.x..-..o.", "snare": "....x.......x.-.", "ride": "x.x.x.x.x.x.x.x."},
    ),
    "pop": (
        {"kick": "x..o..x...o.....", "snare": "....x.......x...", "hat": "x-x-x-x-x-x-x-xo", "rim": "....o.......o..."},
        {"kick": "x.......x.......", "snare": "....x.......x...", "hat": "xoxoxoxoxoxoxoxo"},
    ),
    "electro": (
        {"kick": "x...x...x...x...", "clap": "....x.......x...", "open": "..x...x...x...x.", "hat": "oooooooooooooooo"},
        {"kick": "x..o..x.x..o..x.", "snare": "....x..-....x...", "hat": "x.xxx.xxx.xxx.xx"},
    ),
    "hiphop": (
        {"kick": "x.....o...x..-..", "snare": "....x.......x...", "hat": "x.x.x.xox.x.xoxx"},
        {"kick": "x..x....-.x.....", "clap": "....x.......x..-", "hat": "xoxoxxxoxoxoxxxx"},
    ),
    "folk": (
        {"kick": "x.......x.-.....", "snare": "....o..-....o..-", "shaker": "xoxoxoxoxoxoxoxo"},
        {"kick": "x.....-.x.....-.", "rim": "....x.......x...", "ride": "x.-.x.-.x.-.x.-."},
    ),
    "metal": (
        {"kick": "xxxxxxxxxxxxxxxx", "snare": "....x.......x...", "ride": "x...x...x...x..."},
        {"kick": "x.xx..x.x.xx..x.", "snare": "....x.......x..o", "crash": "x...-...x...-..."},
    ),
    "soul": (
        {"kick": "x..-..o.-.x..-..", "snare": "....x--.-..-x-.-", "hat": "xoxoxoxoxoxoxoxo"},
        {"kick": "x.....x.....-.x.", "rim": "....x.......x..o", "ride": "x.x.x.x.x.x.x.x."},
    ),
    "reggae": (
        {"kick": "........x.......", "rim": "........x..-....", "hat": "..x...x...x...x."},
        {"kick": "x...x...x...x...", "snare": "........x.......", "hat": "x.oox.oox.oox.oo"},
    ),
}  # fmt: skip
CHANCE = {".": 0.0, "-": 0.25, "o": 0.7, "x": 0.98}
ACCENT = np.tile([1.0, 0.6, 0.8, 0.6], 4)


@dataclass(frozen=True)
class Kit:
    """A tuned kit: frequencies in Hz, decays in s, brightness factors around 1; `electronic` kits ring purer."""

    kick: float
    kick_decay: float
    click: float
    snare: float
    snare_decay: float
    wires: float
    metal: float
    hat_decay: float
    electronic: bool


def make_kit(rng: np.random.Generator) -> Kit:
    """Return a kit with random tuning."""
    return Kit(
        kick=float(rng.uniform(42, 75)),
        kick_decay=float(rng.uniform(0.06, 0.35)),
        click=float(rng.uniform(0.05, 0.8)),
        snare=float(rng.uniform(150, 260)),
        snare_decay=float(rng.uniform(0.06, 0.25)),
        wires=float(rng.uniform(0.5, 2.0)),
        metal=float(rng.uniform(0.7, 1.5)),
        hat_decay=float(rng.uniform(0.02, 0.07)),
        electronic=bool(rng.random() < 0.35),
    )


def drum_track(rng: np.random.Generator, score: Score, samples: int, rate: int) -> Signal:
    """Return the sound of the drums, (2, samples), without reverb."""
    kit = make_kit(rng)
    groove = GROOVES[score.genre][int(rng.integers(2))]
    if rng.random() < 0.3:
        other = str(rng.choice(list(GROOVES)))
        groove = GROOVES[other][int(rng.integers(2))]
    names = dict.fromkeys([*groove, "snare", "tom_low", "tom_high", "crash"])
    hits: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    _play(rng, score, groove, hits)
    tracks = np.zeros((2, samples))
    wide = rng.uniform(0.1, 0.8)
    for name, played in hits.items():
        if played:
            pan = 0.0 if name in ("kick", "snare") else float(rng.uniform(-wide, wide))
            mono = np.zeros(samples)
            takes = [PIECES[name](rng, kit, rate) * rng.uniform(0.9, 1.1) for _ in range(2)]
            gain = LEVEL[name] * rng.uniform(0.6, 1.5)
            for index, (time, velocity) in enumerate(played):
                place(mono, takes[index % 2], time, gain * velocity, rate)
            tracks += mono * np.array([[np.sqrt(1.0 - pan)], [np.sqrt(1.0 + pan)]])
    return np.tanh(tracks * 3.0) / 3.0 if rng.random() < 0.2 else tracks


def _play(
    rng: np.random.Generator, score: Score, groove: dict[str, str], hits: dict[str, list[tuple[float, float]]]
) -> None:
    step = score.beat / 4.0
    bars = int(score.seconds / (16 * step)) + 2
    feel = rng.uniform(0.0, 0.008)
    for bar in range(bars):
        fill = bar % 4 == 3 and rng.random() < 0.6
        for index in range(16):
            time = (bar * 16 + index) * step + (score.swing * step * 2 if index % 2 else 0.0) + rng.normal(0.0, feel)
            if not score.plays("drums", time):
                continue
            if fill and index >= 10:
                name = str(rng.choice(["snare", "tom_high", "tom_low"]))
                hits[name].append((time, rng.uniform(0.5, 1.0) * (rng.random() < 0.8)))
                continue
            for piece, pattern in groove.items():
                if rng.random() < CHANCE[pattern[index]]:
                    ghost = 0.3 if pattern[index] == "-" and piece == "snare" else 1.0
                    hits[piece].append((time, ghost * ACCENT[index] * rng.uniform(0.75, 1.0)))
        if (fill or bar == 0) and score.plays("drums", (bar + 1) * 16 * step):
            hits["crash"].append(((bar + 1) * 16 * step, rng.uniform(0.6, 1.0)))


def _kick(rng: np.random.Generator, kit: Kit, rate: int) -> Signal:
    samples = int(rate * min(0.8, 5 * kit.kick_decay + 0.05))
    sweep = kit.kick * (1.0 + 4.0 * decay(samples, rate, 0.012) + 0.4 * decay(samples, rate, 0.06))
    body = np.sin(2.0 * np.pi * np.cumsum(sweep) / rate) * decay(samples, rate, kit.kick_decay)
    click = filtered(rng.standard_normal(samples), "bandpass", (1500.0, 6000.0), rate) * decay(samples, rate, 0.006)
    return body + kit.click * click


def _snare(rng: np.random.Generator, kit: Kit, rate: int) -> Signal:
    samples = int(rate * 5 * kit.snare_decay)
    time = np.arange(samples) / rate
    bend = 1.0 + 0.15 * decay(samples, rate, 0.02)
    head = sum(
        gain * np.sin(2.0 * np.pi * kit.snare * ratio * np.cumsum(bend) / rate)
        for ratio, gain in ((1.0, 0.7), (1.59, 0.35), (2.14, 0.2))
    ) * np.exp(-time / (0.5 * kit.snare_decay))
    wires = filtered(rng.standard_normal(samples), "bandpass", (400.0 * kit.metal, 9500.0 * kit.metal), rate, 1)
    return np.asarray(head + 0.7 * kit.wires * wires * decay(samples, rate, kit.snare_decay))


def _metal(rng: np.random.Generator, kit: Kit, rate: int, seconds: float, low: float, noise: float) -> Signal:
    """Return a cymbal: dozens of inharmonic partials with noise; high ones decay first."""
    samples = int(rate * min(2.5, 5 * seconds))
    time = np.arange(samples) / rate
    partials = rng.uniform(low, 12000.0, 6 if kit.electronic else 14) * kit.metal
    ring = np.zeros(samples)
    for hertz in partials[partials < 0.45 * rate]:
        ring += np.sin(2.0 * np.pi * (hertz * time + rng.random())) * np.exp(-time / (seconds * (1.5 - hertz / 20000)))
    hiss = rng.standard_normal(samples) * decay(samples, rate, 0.7 * seconds)
    return filtered(0.12 * ring + noise * hiss, "highpass", low * kit.metal, rate)


def _hat(rng: np.random.Generator, kit: Kit, rate: int) -> Signal:
    return _metal(rng, kit, rate, kit.hat_decay, 5500.0, 0.6)


def _open(rng: np.random.Generator, kit: Kit, rate: int) -> Signal:
    return _metal(rng, kit, rate, 0.18, 5000.0, 0.5)


def _ride(rng: np.random.Generator, kit: Kit, rate: int) -> Signal:
    return _metal(rng, kit, rate, 0.35, 3000.0, 0.2)


def _crash(rng: np.random.Generator, kit: Kit, rate: int) -> Signal:
    return _metal(rng, kit, rate, 0.6, 1800.0, 0.6)


def _shaker(rng: np.random.Generator, kit: Kit, rate: int) -> Signal:
    samples = int(0.12 * rate)
    grain = filtered(rng.standard_normal(samples), "bandpass", (3500.0, 10000.0), rate)
    return np.asarray(grain * np.sin(np.linspace(0.0, np.pi, samples)) ** 2)


def _clap(rng: np.random.Generator, kit: Kit, rate: int) -> Signal:
    samples = int(0.3 * rate)
    envelope = np.zeros(samples)
    for offset in (0.0, 0.011, 0.022, 0.031):
        begin = int(offset * rate)
        envelope[begin:] += decay(samples - begin, rate, 0.08 if offset > 0.03 else 0.005)
    return filtered(rng.standard_normal(samples) * envelope, "bandpass", (800.0, 5000.0 * kit.metal), rate, 1)


def _rim(rng: np.random.Generator, kit: Kit, rate: int) -> Signal:
    samples = int(0.08 * rate)
    time = np.arange(samples) / rate
    tone = np.sin(2 * np.pi * 1700 * kit.metal * time) + 0.6 * np.sin(2 * np.pi * 480 * kit.metal * time)
    return tone * decay(samples, rate, 0.012) + 0.3 * rng.standard_normal(samples) * decay(samples, rate, 0.003)


def _tom(ratio: float) -> Callable[[np.random.Generator, Kit, int], Signal]:
    def strike(rng: np.random.Generator, kit: Kit, rate: int) -> Signal:
        samples = int(0.7 * rate)
        sweep = kit.snare * ratio * (1.0 + 0.5 * decay(samples, rate, 0.03))
        tone = np.sin(2.0 * np.pi * np.cumsum(sweep) / rate) * decay(samples, rate, 0.16)
        stick = filtered(rng.standard_normal(samples), "lowpass", 4000.0, rate, 1) * decay(samples, rate, 0.012)
        return np.asarray(tone + 0.5 * stick)

    return strike


PIECES: dict[str, Callable[[np.random.Generator, Kit, int], Signal]] = {
    "kick": _kick, "snare": _snare, "hat": _hat, "open": _open, "ride": _ride, "crash": _crash, "shaker": _shaker,
    "clap": _clap, "rim": _rim, "tom_low": _tom(0.5), "tom_high": _tom(0.75),
}  # fmt: skip
LEVEL = {
    "kick": 1.0, "snare": 0.6, "hat": 0.16, "open": 0.16, "ride": 0.16, "crash": 0.3, "shaker": 0.2,
    "clap": 0.6, "rim": 0.4, "tom_low": 0.6, "tom_high": 0.6,
}  # fmt: skip
