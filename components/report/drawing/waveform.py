"""The waveform of a recording: its level at 120 positions, read without reading the whole file."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

BARS = 120
HEIGHT = 40.0
_PITCH, _BAR_WIDTH = 3.0, 2.0
WIDTH = BARS * _PITCH

_WINDOW = 1024


@dataclass(frozen=True)
class Waveform:
    """A file's length in seconds, and its peak level at `BARS` positions; full scale is 1."""

    seconds: float
    levels: tuple[float, ...]

    @property
    def peak(self) -> float:
        """The highest level."""
        return max(self.levels, default=0.0)


def measure_waveform(path: Path) -> Waveform | None:
    """Return the waveform of an audio file, from at most `BARS` short reads; None when it can't be read."""
    try:
        # soundfile rejects a str that is not valid UTF-8, so the path goes as bytes
        with soundfile.SoundFile(os.fsencode(path)) as file:
            starts = np.linspace(0, file.frames, BARS, endpoint=False).astype(int)
            length = max(1, min(_WINDOW, -(-file.frames // BARS)))
            return Waveform(file.frames / file.samplerate, tuple(_level(file, int(start), length) for start in starts))
    except (OSError, soundfile.LibsndfileError):
        return None


def draw_bars(waveform: Waveform, loudest: float) -> str:
    """Return the bars as an SVG path in a box of `WIDTH` x `HEIGHT`; the level `loudest` fills the height."""
    scale = HEIGHT / loudest if loudest > 0 else 0.0
    return "".join(_bar(position * _PITCH, max(1.0, level * scale)) for position, level in enumerate(waveform.levels))


def _level(file: soundfile.SoundFile, start: int, length: int) -> float:
    file.seek(start)
    samples = np.nan_to_num(file.read(length, dtype="float32"))
    return float(np.abs(samples).max(initial=0.0))


def _bar(left: float, height: float) -> str:
    return f"M{left:g} {(HEIGHT - height) / 2:.1f}h{_BAR_WIDTH:g}v{height:.1f}h-{_BAR_WIDTH:g}z"
