"""The sounds of speech as numbers: formants of vowels, and noise, voicing and closure of consonants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# F1-F3 of ten vowels sung by men: Peterson and Barney 1952, table II; F4 and F5 as in Klatt 1980.
VOWELS = np.array([
    (270, 2290, 3010, 3500, 4500), (390, 1990, 2550, 3500, 4500), (530, 1840, 2480, 3500, 4500),
    (660, 1720, 2410, 3500, 4500), (730, 1090, 2440, 3400, 4400), (570, 840, 2410, 3300, 4300),
    (440, 1020, 2240, 3300, 4300), (300, 870, 2240, 3300, 4300), (640, 1190, 2390, 3400, 4400),
    (490, 1350, 1690, 3300, 4300),
], dtype=np.float64)  # fmt: skip
NASAL = np.array((260, 1250, 2200, 3100, 4300), dtype=np.float64)
LIQUID = np.array((330, 1150, 2600, 3300, 4300), dtype=np.float64)


@dataclass(frozen=True)
class Consonant:
    """A consonant: length in s, voicing 0-1, noise band in Hz and its level, share of silent closure, formants."""

    length: float
    voicing: float
    noise: tuple[float, float] | None = None
    level: float = 0.0
    closure: float = 0.0
    formants: NDArray[np.float64] | None = None


# Durations and noise bands follow Stevens, Acoustic Phonetics (1998), rounded.
SOUNDS = {
    "s": Consonant(0.11, 0.0, (4800.0, 11000.0), 0.30),
    "sh": Consonant(0.12, 0.0, (2200.0, 7500.0), 0.26),
    "f": Consonant(0.09, 0.0, (1500.0, 9000.0), 0.07),
    "h": Consonant(0.07, 0.0, None, 0.0),
    "t": Consonant(0.08, 0.0, (2500.0, 9000.0), 0.32, 0.6),
    "k": Consonant(0.08, 0.0, (1400.0, 5000.0), 0.28, 0.6),
    "p": Consonant(0.07, 0.0, (300.0, 4000.0), 0.16, 0.7),
    "b": Consonant(0.06, 0.08, (300.0, 4000.0), 0.08, 0.8),
    "d": Consonant(0.055, 0.08, (2500.0, 9000.0), 0.12, 0.7),
    "m": Consonant(0.07, 0.4, formants=NASAL),
    "n": Consonant(0.065, 0.4, formants=NASAL * np.array((1.0, 1.25, 1.1, 1.0, 1.0))),
    "l": Consonant(0.06, 0.55, formants=LIQUID),
    "r": Consonant(0.06, 0.6, formants=LIQUID * np.array((1.1, 1.05, 0.62, 0.9, 1.0))),
    "z": Consonant(0.08, 0.35, (4800.0, 11000.0), 0.15),
    "v": Consonant(0.06, 0.4, (1500.0, 9000.0), 0.05),
}
