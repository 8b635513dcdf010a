"""The choice of excerpts that a person listens to: the same catalogue and seed give the same excerpts.

An excerpt is the part that is loudest in the range of the voice. No model chooses it: a model would choose
the part that it separates best.
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
from components.core.sound.decoding import Audio, Recording, describe_recording
from components.core.sound.errors import DecodingError
from components.core.sound.recording_features import limit_samples
from components.core.sound.resampling import convert_channels
from components.core.stores.opening import AnyStore, open_store
from components.core.stores.selection import ListedFile
from components.core.stores.store import RecordingGone, RecordingRefused
from components.shadow.config import ShadowConfig

_STEP_SECONDS = 0.25
_VOICE_HZ = (200.0, 4000.0)
_RATES = (1_000, 192_000)
_CHANNELS = 2  # a browser plays stereo


@dataclass(frozen=True)
class Excerpt:
    """A part of a recording.

    key      the recording's name in the catalogue
    sha256   of the whole file
    start    where the part begins, in seconds
    rate     samples per second
    audio    `(channels, samples)`
    """

    key: str
    sha256: str
    start: float
    rate: int
    audio: Audio


def draw_excerpts(config: ShadowConfig, source: str) -> Iterator[Excerpt]:
    """Yield an excerpt of each recording that is drawn from the catalogue at `source`.

    A recording that can't be read is replaced by the next in the draw. Raises UserError when none can be read.
    """
    store = open_store(source)
    found = 0
    for entry in sorted(store.recordings(), key=lambda entry: _lot(config, entry)):
        try:
            excerpt = _cut_excerpt(store, entry, config.seconds)
        except (DecodingError, RecordingGone, RecordingRefused) as error:
            print(f"shadow: {entry.key} is left out: {getattr(error, 'reason', error)}")
            continue
        yield excerpt
        found += 1
        if found == config.recordings:
            return
    if not found:
        raise UserError(f"{store.describe('')} holds no recording that can be played: name another with --source")


def _lot(config: ShadowConfig, entry: ListedFile) -> str:
    """Return the recording's place in the draw; a recording that is added to the catalogue changes no other's."""
    return digest_parts([str(config.seed), _as_text(entry.key)])


def _cut_excerpt(store: AnyStore, entry: ListedFile, seconds: float) -> Excerpt:
    with tempfile.TemporaryDirectory() as folder:
        path = store.fetch(entry, Path(folder))
        if not path.is_file():
            raise RecordingGone("it is not a file")
        recording = describe_recording(path)
        rate = recording.info.rate
        if not _RATES[0] <= rate <= _RATES[1]:
            raise DecodingError(path, f"its rate is {rate:,} Hz")
        start = _find_loudest(recording, seconds)
        audio = _read_samples(recording, start, round(seconds * rate))
        return Excerpt(_as_text(entry.key), digest_file(path), start / rate, rate, audio)


def _find_loudest(recording: Recording, seconds: float) -> int:
    """Return the first sample of the loudest part; raises DecodingError when the recording is silent."""
    step = round(recording.info.rate * _STEP_SECONDS)
    levels = _voice_energy(recording, step)
    if not levels.any():
        raise DecodingError(recording.path, "it is silent")
    steps = max(1, round(seconds / _STEP_SECONDS))
    if len(levels) <= steps:
        return 0
    return int(np.convolve(levels, np.ones(steps), "valid").argmax()) * step


def _voice_energy(recording: Recording, step: int) -> NDArray[np.float64]:
    """Return, for every `step` samples, the energy of the channels' mean in the range of the voice."""
    rate = recording.info.rate
    band = (_VOICE_HZ[0], min(_VOICE_HZ[1], 0.45 * rate))
    sections = signal.butter(2, band, "bandpass", fs=rate, output="sos")
    state = np.zeros((len(sections), 2))
    levels = []
    for block in recording.read_blocks(step):
        filtered, state = signal.sosfilt(sections, limit_samples(block).mean(axis=0), zi=state)
        levels.append(float(np.square(filtered).sum()))
    return np.array(levels)


def _read_samples(recording: Recording, start: int, samples: int) -> Audio:
    """Return the samples from `start` on, mixed down to at most two channels."""
    kept, position = [], 0
    with closing(recording.read_blocks(1 << 16)) as blocks:
        for block in blocks:
            kept.append(block[:, max(start - position, 0) : start + samples - position])
            position += block.shape[1]
            if position >= start + samples:
                break
    audio = np.clip(limit_samples(np.concatenate(kept, axis=1)), -1.0, 1.0)
    return audio if audio.shape[0] <= _CHANNELS else convert_channels(audio, _CHANNELS)


def _as_text(key: str) -> str:
    """Return a file name with question marks in place of bytes that are not UTF-8."""
    return key.encode(errors="replace").decode()
