"""The score of a song: key, tempo, chords, sections and the sung melody, as notes in seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo_songs.singers import CONSONANTS, Singer

MAJOR = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10)
PROGRESSIONS = (
    (0, 4, 5, 3), (0, 5, 3, 4), (5, 3, 0, 4), (0, 3, 4, 4), (0, 3, 0, 4), (1, 4, 0, 0), (0, 6, 5, 6), (0, 2, 3, 4),
    (0, 0, 3, 0, 4, 3, 0, 4), (0, 5, 1, 4), (3, 0, 4, 5), (0, 6, 3, 0), (0, 4, 1, 3), (5, 4, 3, 4), (0, 0, 0, 0),
)  # fmt: skip
TEMPI = {
    "rock": (95, 165), "pop": (85, 130), "electro": (110, 140), "hiphop": (70, 105),
    "folk": (70, 140), "metal": (110, 170), "soul": (70, 115), "reggae": (70, 95),
}  # fmt: skip


@dataclass(frozen=True)
class Chord:
    """One chord: start and length in seconds, MIDI root (36-47, the bass octave) and pitch classes above it."""

    start: float
    length: float
    root: int
    intervals: tuple[int, ...]


@dataclass(frozen=True)
class Syllable:
    """One sung syllable: seconds, MIDI pitch, velocity 0-1, its consonants ('' for none), vowel and glide target."""

    start: float
    length: float
    midi: float
    velocity: float
    onset: str
    coda: str
    vowel: int
    glide: int
    first: bool
    last: bool


@dataclass(frozen=True)
class Score:
    """The score of a song; a section is its start, its end and the accompanying parts that play."""

    seconds: float
    genre: str
    beat: float
    swing: float
    tonic: int
    scale: tuple[int, ...]
    chords: tuple[Chord, ...]
    sections: tuple[tuple[float, float, frozenset[str]], ...]

    def plays(self, part: str, time: float) -> bool:
        """Return whether `part` plays in the section at `time` (seconds)."""
        return any(start <= time < end and part in names for start, end, names in self.sections)


def compose(rng: np.random.Generator, seconds: float) -> Score:
    """Return a random score of at least `seconds`."""
    genre = str(rng.choice(list(TEMPI)))
    beat = 60.0 / rng.uniform(*TEMPI[genre])
    scale = MAJOR if rng.random() < 0.55 else MINOR
    tonic = int(rng.integers(0, 12))
    swing = float(rng.uniform(0.04, 0.16)) if rng.random() < 0.25 else 0.0
    chords = _chords(rng, seconds, genre, beat, tonic, scale)
    sections = _sections(rng, seconds, beat)
    return Score(seconds, genre, beat, swing, tonic, scale, chords, sections)


def _chords(
    rng: np.random.Generator, seconds: float, genre: str, beat: float, tonic: int, scale: tuple[int, ...]
) -> tuple[Chord, ...]:
    degrees = PROGRESSIONS[int(rng.integers(len(PROGRESSIONS)))]
    length = beat * float(rng.choice([2.0, 4.0, 4.0, 8.0]))
    sevenths = rng.random() < (0.7 if genre == "soul" else 0.2)
    steps = (0, 2, 4, 6) if sevenths else (0, 2, 4)
    count = int(seconds / length) + 1
    chords = []
    for index in range(count):
        degree = degrees[index % len(degrees)]
        pitches = [scale[(degree + step) % 7] + 12 * ((degree + step) // 7) for step in steps]
        root = 36 + (tonic + pitches[0]) % 12
        chords.append(Chord(index * length, length, root, tuple(pitch - pitches[0] for pitch in pitches)))
    return tuple(chords)


def _sections(rng: np.random.Generator, seconds: float, beat: float) -> tuple[tuple[float, float, frozenset[str]], ...]:
    chances = {"drums": 0.88, "bass": 0.88, "chords": 0.85, "pad": 0.6, "lead": 0.55, "extra": 0.6}
    sections = []
    start = -beat * 4 * float(rng.integers(0, 4))  # like an excerpt, the song may start in the middle of a section
    while start < seconds:
        end = start + beat * 4 * float(rng.choice([2, 4, 4, 8]))
        names = {name for name, chance in chances.items() if rng.random() < chance}
        if not names & {"chords", "pad", "extra"}:
            names.add("chords")
        sections.append((start, end, frozenset(names)))
        start = end
    return tuple(sections)


def melody(rng: np.random.Generator, score: Score, singer: Singer) -> tuple[Syllable, ...]:
    """Return the melody over the chords: phrases, with rests for about 20-40 % of the time."""
    syllables: list[Syllable] = []
    silent_share = rng.uniform(0.2, 0.38)
    time = float(rng.uniform(0.0, min(0.5, 0.1 * score.seconds)))
    while time < score.seconds:
        length = score.beat * float(rng.integers(4, 13))
        phrase = _phrase(rng, score, singer, time, length)
        syllables.extend(phrase)
        sung = phrase[-1].start + phrase[-1].length - time
        time += sung + max(0.25, sung * silent_share / (1.0 - silent_share) * rng.uniform(0.7, 1.3))
    return tuple(syllables)


def _phrase(rng: np.random.Generator, score: Score, singer: Singer, start: float, seconds: float) -> list[Syllable]:
    lengths = _syllable_lengths(rng, score, singer, seconds)
    degree = int(rng.integers(0, 8))
    effort = rng.uniform(0.55, 1.0)
    phrase: list[Syllable] = []
    time = start
    for index, length in enumerate(lengths):
        degree = _next_degree(rng, degree)
        midi = _sung_pitch(rng, score, singer, degree, index / len(lengths))
        melisma = index > 0 and rng.random() < singer.melisma
        onset = "" if melisma else str(rng.choice(CONSONANTS, p=singer.consonants))
        coda = str(rng.choice(["s", "t", "n", "k"])) if rng.random() < 0.18 and length > 0.2 else ""
        vowel = phrase[-1].glide if melisma else int(rng.integers(0, 10))
        glide = int(rng.integers(0, 10)) if rng.random() < 0.25 else vowel
        velocity = float(effort * rng.uniform(0.75, 1.0))
        last = index == len(lengths) - 1
        sounding = length * float(rng.uniform(0.85, 1.0))
        phrase.append(Syllable(time, sounding, midi, velocity, onset, coda, vowel, glide, index == 0, last))
        time += length
    return phrase


def _syllable_lengths(rng: np.random.Generator, score: Score, singer: Singer, seconds: float) -> list[float]:
    unit = 0.5 * score.beat * (0.5 if score.beat >= 0.75 else 1.0) * (1.0 if singer.spoken else singer.pace)
    choices, weights = ([0.5, 1.0, 2.0], [0.45, 0.45, 0.1]) if singer.spoken else (
        [0.5, 1.0, 2.0, 3.0, 4.0, 6.0], [0.14, 0.4, 0.24, 0.1, 0.08, 0.04])  # fmt: skip
    lengths: list[float] = []
    while sum(lengths) < seconds:
        lengths.append(min(3.0, max(0.09, unit * float(rng.choice(choices, p=weights)))))
    lengths[-1] *= 1.0 if singer.spoken else float(rng.uniform(1.0, 2.2))
    return lengths


def _next_degree(rng: np.random.Generator, degree: int) -> int:
    step = int(rng.choice([-4, -2, -1, 0, 0, 1, 2, 4], p=[0.05, 0.12, 0.23, 0.15, 0.1, 0.2, 0.1, 0.05]))
    moved = degree + step
    return moved if 0 <= moved <= 9 else degree - step


def _sung_pitch(rng: np.random.Generator, score: Score, singer: Singer, degree: int, progress: float) -> float:
    if singer.spoken:
        return float(singer.low + 5.0 + rng.normal(0.0, 2.0) - 3.0 * progress)
    base = singer.low + (score.tonic - singer.low) % 12
    pitch = base + score.scale[degree % 7] + 12 * (degree // 7)
    if pitch > singer.low + singer.span:
        pitch -= 12
    return float(pitch + rng.normal(0.0, singer.detune))
