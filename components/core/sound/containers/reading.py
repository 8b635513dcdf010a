"""Recognise a file's container, and call the reader of its header.

Only sizes and positions are read, a few bytes at a time; nothing is decoded but the last frame of a FLAC that is
followed by zeros. The length in an unknown container is unknown, and the decoders decide whether it is audio.
"""

from collections.abc import Callable
from pathlib import Path

from components.core.sound.containers.byte_file import ByteFile
from components.core.sound.containers.container import Container
from components.core.sound.containers.flac import read_flac
from components.core.sound.containers.length_headers import (
    ASF,
    EBML,
    read_ape,
    read_asf,
    read_dsf,
    read_matroska,
    read_mp3,
    read_tta,
    read_wavpack,
)
from components.core.sound.containers.mp4 import read_mp4
from components.core.sound.containers.ogg import read_ogg
from components.core.sound.containers.pcm import read_aiff, read_au, read_caf, read_w64, read_wav

_BOXES = (b"ftyp", b"moov", b"mdat", b"moof", b"wide", b"free", b"skip")

_READERS: tuple[tuple[bytes, Callable[[ByteFile], Container]], ...] = (
    (b"RIFF", read_wav),
    (b"RIFX", read_wav),
    (b"RF64", read_wav),
    (b"BW64", read_wav),
    (b"FORM", read_aiff),
    (b"riff", read_w64),
    (b"caff", read_caf),
    (b".snd", read_au),
    (b"dns.", read_au),
    (b"fLaC", read_flac),
    (b"wvpk", read_wavpack),
    (b"TTA1", read_tta),
    (b"MAC ", read_ape),
    (b"DSD ", read_dsf),
    (ASF, read_asf),
    (EBML, read_matroska),
)
"""The bytes that tell a kind of file, and the reader of its header; an mp3 has no such bytes."""


def read_container(path: Path, stream: int = 0) -> Container:
    """Return the container's statements about audio stream `stream` of `path`.

    Raises DamagedFile when the file is shorter than its header promises, or contradicts itself.
    """
    with path.open("rb") as handle:
        file = ByteFile.of(path, handle)
        head = file.at(file.start, 16)
        if head.startswith(b"OggS"):
            return read_ogg(file, stream)
        if head.startswith(_BOXES, 4):
            return read_mp4(file, stream)
        for magic, reader in _READERS:
            if head.startswith(magic):
                return reader(file)
        return read_mp3(file)
