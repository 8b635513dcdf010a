"""Read a recording: which decoder reads it, how long it is and where it starts, and its samples block by block.

`describe_recording` finds out everything once. After each decode, the length is compared with that of the container's
header, even when the decoder reports no error. Arrays are float32 of shape `(channels, samples)`, full scale at ±1.

A recording begins with its own first sample, even where the picture of a film begins earlier. Of several audio
streams, the first is read unless the caller names another. HE-AAC has the rate that it sounds at. ffmpeg converts
DSD to PCM at an eighth of its rate, which delays it by five samples.
"""

import hashlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.base.errors import UserError
from components.core.sound.containers.container import Container, Part
from components.core.sound.containers.reading import read_container
from components.core.sound.decoders.decoder import AudioInfo, Decoder, DecoderInput, Samples, convert
from components.core.sound.decoders.ffmpeg_decoder import open_with_ffmpeg
from components.core.sound.decoders.libsndfile import open_stored
from components.core.sound.errors import DamagedFile, DecodingError
from components.core.sound.ffmpeg import PATIENCE

Audio = NDArray[np.float32]


@dataclass(frozen=True)
class Recording:
    """A recording that can be decoded.

    container  the statements of its container
    decoder    the program that reads it
    """

    path: Path
    container: Container
    decoder: Decoder

    @property
    def info(self) -> AudioInfo:
        """Its rate, channels and sample format."""
        return self.decoder.info

    @property
    def promised(self) -> int:
        """Samples of each channel that it has at least; 0 when nothing promises any."""
        spans = [span for part in self.container.parts for span in self._spans(part)]
        return max(self.container.least, self.decoder.exact, sum(end - start for start, end in spans))

    def read_blocks(self, frames: int, dtype: str = "float32") -> Generator[Samples, None, None]:
        """Yield the samples in blocks of `frames` (the last may be shorter), each `(channels, frames)`.

        `dtype` is float32 or float64 (full scale ±1), or int32 (left-justified: the high bits hold the samples). What
        ffmpeg decodes is floats, except FLAC. Raises DecodingError, also after some blocks: the last check comes at
        the end.
        """
        decoded, checksum = 0, _Checksum(self.container)
        pieces = (piece for part in self.container.parts for piece in self._read_part(part, frames, dtype))
        try:
            with closing(pieces):
                for block in _in_blocks(pieces, frames) if self._is_cut else pieces:
                    decoded += block.shape[1]
                    checksum.add(block)
                    yield convert(self._in_order(block), dtype)
        except DecodingError as error:
            raise self._explain_early_end(error, decoded) from None
        if decoded < self.promised:
            promised = f"{self.promised:,} samples, but it has {decoded:,}"
            raise DamagedFile(self.path, f"truncated: its header promises {promised}")
        checksum.compare(self.path)

    @property
    def _is_cut(self) -> bool:
        return len(self.container.parts) > 1 or bool(self.container.parts[0].spans)

    def _spans(self, part: Part) -> list[tuple[int, int]]:
        if not part.clock:
            return list(part.spans)
        rate, clock = self.info.rate, part.clock
        return [(round(start * rate / clock), round(end * rate / clock)) for start, end in part.spans]

    def _read_part(self, part: Part, frames: int, dtype: str) -> Generator[Samples, None, None]:
        spans = self._spans(part)
        if not spans:
            yield from self.decoder.read_part(part, frames, dtype)
            return
        place = 0
        with closing(self.decoder.read_part(part, frames, dtype)) as blocks:
            for block in blocks:
                for start, end in spans:
                    kept = block[:, max(0, start - place) : max(0, end - place)]
                    if kept.shape[1]:
                        yield kept
                place += block.shape[1]
                if place >= spans[-1][1]:
                    return

    def _in_order(self, block: Samples) -> Samples:
        order = self.container.order
        return block[list(order)] if order else block

    def _explain_early_end(self, error: DecodingError, decoded: int) -> DecodingError:
        if isinstance(error, DamagedFile):
            return error
        if decoded < self.promised:
            samples = f"after {decoded:,} or more of {self.promised:,} samples"
            return DamagedFile(self.path, f"truncated or damaged: {error.reason} ({samples})")
        return DecodingError(self.path, f"{error.reason} (after {decoded:,} samples or more)")


def describe_recording(path: Path, stream: int = 0, patience: float = PATIENCE) -> Recording:
    """Find out how audio stream `stream` of `path` is decoded.

    `patience` is how many seconds a decoder may return nothing. Raises UserError when there is no such file,
    DecodingError if it is unreadable or has no such stream, DamagedFile when it is cut.
    """
    if not path.is_file():
        raise UserError(f"{path} is not a file")
    container = read_container(path, stream)
    source = DecoderInput(path, stream, container, patience)
    return Recording(path, container, open_stored(source) or open_with_ffmpeg(source))


def read_audio(path: Path, stream: int = 0) -> tuple[Audio, int]:
    """Return all samples of `path`, `(channels, samples)`, and their rate in Hz."""
    recording = describe_recording(path, stream)
    blocks = list(recording.read_blocks(1 << 20))
    if not blocks:
        return np.zeros((recording.info.channels, 0), np.float32), recording.info.rate
    return np.concatenate(blocks, axis=1), recording.info.rate


def _in_blocks(pieces: Iterable[Samples], frames: int) -> Iterator[Samples]:
    """Turn pieces of any size into blocks of `frames`; the last may be shorter."""
    held: list[Samples] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += piece.shape[1]
        if size < frames:
            continue
        joined = np.concatenate(held, axis=1)
        whole = size // frames * frames
        yield from np.split(joined[:, :whole], whole // frames, axis=1)
        held, size = [joined[:, whole:]], size - whole
    if size:
        yield np.concatenate(held, axis=1)


class _Checksum:
    """The MD5 of a FLAC's samples, which its header holds (RFC 9639, 8.2)."""

    def __init__(self, container: Container) -> None:
        self._expected, self._bits = container.md5, container.bits
        self._digest: Any = hashlib.md5(usedforsecurity=False) if container.md5 else None

    def add(self, block: Samples) -> None:
        """Add decoded samples, int32 and left-justified."""
        if self._digest is not None:
            size = (self._bits + 7) // 8
            numbers = np.ascontiguousarray((block >> 32 - self._bits).T, dtype="<i4")
            self._digest.update(numbers.view(np.uint8).reshape(-1, 4)[:, :size].tobytes())

    def compare(self, path: Path) -> None:
        """Raise DamagedFile when the samples are not those that the header was written for."""
        if self._digest is not None and self._digest.digest() != self._expected:
            raise DamagedFile(path, "damaged: its samples do not match the MD5 checksum in its header")
