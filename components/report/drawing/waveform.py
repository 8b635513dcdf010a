"""What a recording looks like: its level in a few dozen places, read without reading the whole file."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

BARS = 120
HEIGHT = 40.0
_PITCH, _BAR = 3.0, 2.0  # from bar to bar, and its width
WIDTH = BARS * _PITCH

_WINDOW = 1024


@dataclass(frozen=True)
class Outline:
    """A file's length in seconds, and its peak level in `BARS` places (full scale is 1)."""

    seconds: float
    levels: tuple[float, ...]

    @property
    def peak(self) -> float:
        """The largest of the levels."""
        return max(self.levels, default=0.0)


def measure(path: Path) -> Outline | None:
    """Return the outline of an audio file, from at most `BARS` short reads; None when it cannot be read."""
    try:
        # as bytes: it takes no text for a name that is no UTF-8
        with soundfile.SoundFile(os.fsencode(path)) as file:
            starts = np.linspace(0, file.frames, BARS, endpoint=False).astype(int)
            length = max(1, min(_WINDOW, -(-file.frames // BARS)))
            return Outline(file.frames / file.samplerate, tuple(_level(file, int(start), length) for start in starts))
    except (OSError, soundfile.LibsndfileError):
        return None


def draw(outline: Outline, loudest: float) -> str:
    """Return the bars as an SVG path in a box of `WIDTH` x `HEIGHT`; `loudest` fills the height."""
    scale = HEIGHT / loudest if loudest > 0 else 0.0
    return "".join(_bar(place * _PITCH, max(1.0, level * scale)) for place, level in enumerate(outline.levels))


def _level(file: soundfile.SoundFile, start: int, length: int) -> float:
    file.seek(start)
    samples = np.nan_to_num(file.read(length, dtype="float32"))
    return float(np.abs(samples).max(initial=0.0))


def _bar(left: float, height: float) -> str:
    return f"M{left:g} {(HEIGHT - height) / 2:.1f}h{_BAR:g}v{height:.1f}h-{_BAR:g}z"
