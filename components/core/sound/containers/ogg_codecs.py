"""Codecs in Ogg: rate and channels, the number of header packets, and the samples in a packet."""

import struct
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Self

_OPUS_FRAMES = (*(480, 960, 1920, 2880) * 3, *(480, 960) * 2, *(120, 240, 480, 960) * 4)
"""Samples at 48 kHz in a frame, by the configuration in a packet's first byte (RFC 6716, 3.1)."""

_WAVE_ORDER = {3: (0, 2, 1), 5: (0, 2, 1, 3, 4), 6: (0, 2, 1, 5, 3, 4), 7: (0, 2, 1, 6, 5, 3, 4)} | {
    8: (0, 2, 1, 7, 5, 6, 3, 4)
}
"""The positions of WAVE's channels in Vorbis's order (Vorbis I, 4.3.9), which Opus uses (RFC 7845, 5.1.1.2)."""

_MODE_BITS = 41
_LONGEST_MODES = 400  # bytes: 64 modes of 41 bits

_MASKS = {1: 0x4, 2: 0x3, 3: 0x7, 4: 0x33, 5: 0x37, 6: 0x3F, 7: 0x70F, 8: 0x63F}


@dataclass(frozen=True)
class Codec(ABC):
    """A codec as it is in a stream; streams of the same `kind` can follow each other in a recording."""

    channels: int
    rate: int

    headers = 1
    """Packets before the first one with sound."""

    is_manual = False
    """Whether all samples are decoded, since positions say which ones count."""

    @property
    def kind(self) -> tuple[str, int, int]:
        """Its name, channels and rate."""
        return type(self).__name__, self.channels, self.rate

    def __str__(self) -> str:
        return f"{type(self).__name__} of {self.channels} channels at {self.rate:,} Hz"

    @property
    def order(self) -> tuple[int, ...]:
        """For each channel in the order of WAVE, its number in the decoded samples; empty: the same."""
        return ()

    @property
    def mask(self) -> int:
        """The speakers of the channels, as in WAVE; 0 when they are not known."""
        return 0

    def with_headers(self, headers: bytes) -> Self:
        """Return the codec with what its header packets say of the packets with sound."""
        return self

    def length(self, positions: int) -> int:
        """Return the samples between two positions, less those that the decoder drops; 0 when they do not say."""
        return positions

    @abstractmethod
    def duration(self, packets: list[bytes]) -> int:
        """Return the change of the position by the first packets with sound, from their first bytes."""


@dataclass(frozen=True)
class Opus(Codec):
    """Opus (RFC 7845); `skip` is the number of samples at 48 kHz to drop at the beginning."""

    skip: int = 0
    family: int = 0

    headers = 2

    @property
    def order(self) -> tuple[int, ...]:
        return _WAVE_ORDER.get(self.channels, ()) if self.family == 1 else ()

    @property
    def mask(self) -> int:
        return _MASKS.get(self.channels, 0) if self.family in (0, 1) else 0

    def length(self, positions: int) -> int:
        # the position of the end, at the rate of the decoded samples, is rounded down
        return (positions - self.skip) * self.rate // 48_000

    def duration(self, packets: list[bytes]) -> int:
        return sum(map(_opus_samples, packets))


def _opus_samples(packet: bytes) -> int:
    if not packet:
        return 0
    frames = {0: 1, 1: 2, 2: 2}.get(packet[0] & 3, packet[1] & 63 if len(packet) > 1 else 0)
    return frames * _OPUS_FRAMES[packet[0] >> 3]


@dataclass(frozen=True)
class Vorbis(Codec):
    """Vorbis; `blocks` are the sizes of its short and long blocks, and `modes` says of each mode whether it is long."""

    blocks: tuple[int, int] = (0, 0)
    modes: tuple[int, ...] = ()

    headers = 3
    is_manual = True

    @property
    def mask(self) -> int:
        return _MASKS.get(self.channels, 0)

    def with_headers(self, headers: bytes) -> Self:
        return replace(self, modes=_vorbis_modes(headers[-_LONGEST_MODES:]))

    def duration(self, packets: list[bytes]) -> int:
        # a packet completes the samples up to its middle; the first one has none
        bits = (len(self.modes) - 1).bit_length()
        sizes = [self.blocks[self._is_long((packet or b"\0")[0] >> 1 & (1 << bits) - 1)] for packet in packets]
        return sum((before + now) // 4 for before, now in pairwise(sizes))

    def _is_long(self, mode: int) -> int:
        return self.modes[mode] if mode < len(self.modes) else 0


def _vorbis_modes(setup: bytes) -> tuple[int, ...]:
    """Return for each mode whether its blocks are long; the modes end the setup header (Vorbis I, 4.2.4).

    They are read from the end, as all that is before them has no fixed size: a bit of 1 ends the header, and a mode has
    1 bit for its block, 16 for its window and 16 for its transform (both 0), and 8 for its mapping. 6 bits before the
    first mode count them.
    """
    bits = int.from_bytes(setup, "little")
    place = bits.bit_length() - 1  # that of the last 1
    found: list[int] = []
    counted: tuple[int, ...] = ()
    while place > _MODE_BITS and len(found) < 64:
        place -= _MODE_BITS
        mode = bits >> place & (1 << _MODE_BITS) - 1
        if mode >> 33 > 63 or mode >> 1 & 0xFFFFFFFF:
            break
        found.append(mode & 1)
        if (bits >> place - 6 & 63) + 1 == len(found):
            counted = tuple(reversed(found))
    return counted


@dataclass(frozen=True)
class Flac(Codec):
    """FLAC in Ogg (RFC 9639, 10.1); a position counts its samples."""

    def duration(self, packets: list[bytes]) -> int:
        return 0

    def length(self, positions: int) -> int:
        return 0  # ffmpeg decodes it to its last frame; a running stream has other positions


@dataclass(frozen=True)
class Speex(Codec):
    """Speex, whose decoder drops nothing that its positions count."""

    headers = 2

    def duration(self, packets: list[bytes]) -> int:
        return 0

    def length(self, positions: int) -> int:
        return 0


def recognise_codec(packet: bytes) -> Codec | None:
    """Return the audio codec that a stream's first packet names; None for another."""
    packet = packet.ljust(80, b"\0")
    if packet.startswith(b"OpusHead"):
        channels, skip, rate, _, family = struct.unpack_from("<BHIhB", packet, 9)
        return Opus(channels, rate if rate in (8_000, 12_000, 16_000, 24_000) else 48_000, skip, family)
    if packet.startswith(b"\x01vorbis"):
        channels, rate = struct.unpack_from("<BI", packet, 11)
        return Vorbis(channels, rate, (1 << (packet[28] & 15), 1 << (packet[28] >> 4)))
    if packet.startswith(b"\x7fFLAC"):
        fields = int.from_bytes(packet[27:35], "big")
        return Flac((fields >> 41 & 7) + 1, fields >> 44)
    if packet.startswith(b"Speex   "):
        rate, _, _, channels = struct.unpack_from("<IIII", packet, 36)
        return Speex(channels, rate)
    return None
