"""The recognition of recordings: by their names and, where these are unclear, by their first bytes."""

from pathlib import Path, PurePath

SUFFIXES = frozenset(
    {".wav", ".wave", ".bwf", ".rf64", ".bw64", ".w64", ".aiff", ".aif", ".aifc", ".caf", ".au", ".snd"}
    | {".flac", ".wv", ".tta", ".ape", ".tak", ".mpc", ".dsf", ".dff", ".dts", ".ac3", ".eac3"}
    | {".mp3", ".mp2", ".mp1", ".mpga", ".ogg", ".oga", ".ogx", ".opus", ".spx", ".wma", ".asf", ".amr"}
    | {".m4a", ".m4b", ".m4r", ".mp4", ".m4v", ".mov", ".3gp", ".aac", ".adts", ".mka", ".mkv", ".webm", ".weba"}
)
"""Suffixes of the files that the decoders read."""

HEAD = 64
"""Bytes at the beginning of a file that tell whether it holds audio."""

_MAGIC: tuple[bytes, ...] = (b"RIFX", b"RF64", b"BW64", b"caff", b"riff\x2e\x91\xcf\x11", b".snd", b"fLaC", b"OggS")
_MAGIC += (b"wvpk", b"TTA1", b"MAC ", b"DSD ", b"FRM8", b"MPCK", b"MP+", b"tBaK", b"ID3\x02", b"ID3\x03", b"ID3\x04")
_FORMS = {b"RIFF": (b"WAVE",), b"FORM": (b"AIFF", b"AIFC")}
_BRANDS = (b"M4A ", b"M4B ", b"M4V ", b"mp41", b"mp42", b"isom", b"qt  ", b"dash", b"3gp4", b"3gp5")


def is_named_like_audio(name: PurePath) -> bool:
    """Return whether a file's name is that of a recording."""
    return name.suffix.lower() in SUFFIXES


def begins_like_audio(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of a recording."""
    if head.startswith(tuple(_FORMS)):
        return head[8:12] in _FORMS[head[:4]]
    return head.startswith(_MAGIC) or (head[4:8] == b"ftyp" and head[8:12] in _BRANDS)


def is_recording(path: Path) -> bool:
    """Return whether the file at `path` is a recording, by its name or its first bytes; False if it can't be read."""
    if is_named_like_audio(path):
        return True
    try:
        with path.open("rb") as file:
            return begins_like_audio(file.read(HEAD))
    except OSError:
        return False
