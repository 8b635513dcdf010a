"""Which recordings are listened to, and which part of each: the same ones for the same catalogue and seed.

The part is where the recording is loudest in the range of the voice. No model is asked where that is: one that hears
its own voices best would choose the place.
"""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from components.core.base.errors import UserError
from components.core.base.files import digest_file, digest_parts
from components.core.sound.balance import tamed
from components.core.sound.decoding import Audio, probe, read_blocks, to_channels
from components.core.sound.ffmpeg import DecodingError
from components.core.stores.opening import AnyStore, open_store
from components.core.stores.store import ListedFile, RecordingGone
from components.shadow.config import ShadowConfig

_STEP_SECONDS = 0.25
_VOICE_HZ = (200.0, 4000.0)
_RATES = (1_000, 192_000)
_CHANNELS = 2  # what a listener has ears for


@dataclass(frozen=True)
class Excerpt:
    """A part of a recording: `audio` `(channels, samples)` at `rate` Hz, from second `start` of the file `sha256`."""

    key: str
    sha256: str
    start: float
    rate: int
    audio: Audio


def excerpts(config: ShadowConfig, source: str) -> Iterator[Excerpt]:
    """Yield an excerpt of each recording that is drawn from the catalogue at `source`.

    In place of one that cannot be read the next is drawn. Raises UserError where none can.
    """
    store = open_store(source)
    found = 0
    for entry in sorted(store.recordings(), key=lambda entry: _place_in_line(config, entry)):
        try:
            excerpt = _excerpt(store, entry, config.seconds)
        except (DecodingError, RecordingGone) as error:
            print(f"shadow: {entry.key} is left out: {getattr(error, 'reason', error)}")
            continue
        yield excerpt
        found += 1
        if found == config.recordings:
            return
    if not found:
        raise UserError(f"{store.describe('')} holds no recording that can be listened to: name another with --source")


def _place_in_line(config: ShadowConfig, entry: ListedFile) -> str:
    """By lot, not by number: a recording that is added to the catalogue moves no other."""
    return digest_parts([str(config.seed), _readable(entry.key)])


def _excerpt(store: AnyStore, entry: ListedFile, seconds: float) -> Excerpt:
    with tempfile.TemporaryDirectory() as folder:
        path = store.fetch(entry, Path(folder))
        if not path.is_file():
            raise RecordingGone("it is no file")
        rate = probe(path).rate
        if not _RATES[0] <= rate <= _RATES[1]:
            raise DecodingError(path, f"its rate is {rate:,} Hz")
        start = _loudest(path, rate, seconds)
        audio = _part(path, start, round(seconds * rate))
        return Excerpt(_readable(entry.key), digest_file(path), start / rate, rate, audio)


def _loudest(path: Path, rate: int, seconds: float) -> int:
    """Return the first sample of the part; raises DecodingError where there is nothing to hear."""
    step = round(rate * _STEP_SECONDS)
    levels = _levels(path, rate, step)
    if not levels.any():
        raise DecodingError(path, "it is silent")
    steps = max(1, round(seconds / _STEP_SECONDS))
    if len(levels) <= steps:
        return 0
    return int(np.convolve(levels, np.ones(steps), "valid").argmax()) * step


def _levels(path: Path, rate: int, step: int) -> NDArray[np.float64]:
    """Return the energy of what the channels share, in the range of the voice, of every `step` samples."""
    band = (_VOICE_HZ[0], min(_VOICE_HZ[1], 0.45 * rate))
    sections = signal.butter(2, band, "bandpass", fs=rate, output="sos")
    state = np.zeros((len(sections), 2))
    levels = []
    for block in read_blocks(path, step):
        heard, state = signal.sosfilt(sections, tamed(block).mean(axis=0), zi=state)
        levels.append(float(np.square(heard).sum()))
    return np.array(levels)


def _part(path: Path, start: int, samples: int) -> Audio:
    """Return the samples from `start` on, at most two channels of them."""
    kept, position = [], 0
    with closing(read_blocks(path, 1 << 16)) as blocks:
        for block in blocks:
            kept.append(block[:, max(start - position, 0) : start + samples - position])
            position += block.shape[1]
            if position >= start + samples:
                break
    audio = np.clip(tamed(np.concatenate(kept, axis=1)), -1.0, 1.0)
    return audio if audio.shape[0] <= _CHANNELS else to_channels(audio, _CHANNELS)


def _readable(key: str) -> str:
    """A name that is not UTF-8, with question marks where it is not."""
    return key.encode(errors="replace").decode()
