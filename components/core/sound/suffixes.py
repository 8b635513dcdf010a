"""The names of audio files."""

SUFFIXES = frozenset(
    {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".caf", ".w64", ".rf64", ".au"}
    | {".m4a", ".mp4", ".aac", ".wma", ".mka", ".webm"}
)
"""Suffixes of audio files; a search in a folder finds only these."""
