"""The separated recordings of a catalogue: their stems, what these look like, and where they come from."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.report.drawing.waveform import Outline, draw, measure
from components.report.sources.reading import Document, Unavailable, link, read_document, shown

PROVENANCE = "provenance.json"
LIMIT = 200
"""Recordings that are on the page; of a larger catalogue the others are only counted."""


class _Source(Document):
    key: str
    sha256: str
    rate: int
    channels: int
    subtype: str = ""


class _Model(Document):
    name: str = "unknown"
    version: int | str | None = None
    sha256: str = ""
    run_id: str | None = None
    git_commit: str | None = None


class _Stem(Document):
    file: str
    sha256: str = ""


class _Provenance(Document):
    source: _Source
    model: _Model
    stems: Mapping[str, _Stem]
    code: str = "unknown"


@dataclass(frozen=True)
class Stem:
    """A stem's file: its link from the page (empty when it is not there), and its outline as an SVG path."""

    name: str
    link: str
    path: str
    sha256: str


@dataclass(frozen=True)
class Recording:
    """A separated recording; `seconds` is 0 when no stem could be read. `lineage` is (what, value)."""

    key: str
    seconds: float
    stems: tuple[Stem, ...]
    lineage: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ListenPart:
    """The recordings by name, how many more there are, and how many have a damaged provenance file."""

    recordings: tuple[Recording, ...]
    more: int
    damaged: int


def read_recordings(catalogue: Path, page_folder: Path) -> ListenPart:
    """Find the recordings below `catalogue` (resolved, like `page_folder`); raises Unavailable when there is none."""
    folders = sorted(_finished(catalogue), key=os.fsencode)
    if not folders:
        raise Unavailable(
            "There is no separated recording in the catalogue's folder: separate has not run, or wrote to a bucket."
        )
    recordings, damaged = [], 0
    for folder in folders[:LIMIT]:
        try:
            provenance = read_document(folder / PROVENANCE, _Provenance, "")
        except Unavailable:
            damaged += 1
            continue
        key = shown(folder.relative_to(catalogue).as_posix())
        recordings.append(_recording(key, folder, provenance, page_folder))
    return ListenPart(tuple(recordings), max(0, len(folders) - LIMIT), damaged)


def _finished(catalogue: Path) -> Iterator[Path]:
    """Yield the folders that hold a provenance file, so the recordings that are done."""
    for folder, _, files in os.walk(catalogue):
        if PROVENANCE in files:
            yield Path(folder)


def _recording(key: str, folder: Path, provenance: _Provenance, page_folder: Path) -> Recording:
    # a name only, whatever the file says: nothing outside the recording's folder is linked
    files = {name: folder / Path(stem.file).name for name, stem in provenance.stems.items()}
    outlines = {name: measure(path) for name, path in files.items()}
    loudest = max((outline.peak for outline in outlines.values() if outline), default=0.0)
    stems = tuple(
        Stem(name, _link(path, page_folder), _drawn(outlines[name], loudest), provenance.stems[name].sha256)
        for name, path in sorted(files.items(), key=_vocals_first)
    )
    seconds = max((outline.seconds for outline in outlines.values() if outline), default=0.0)
    return Recording(key, seconds, stems, tuple(_lineage(provenance, stems)))


def _link(path: Path, page_folder: Path) -> str:
    return link(path, page_folder) if path.is_file() else ""


def _drawn(outline: Outline | None, loudest: float) -> str:
    return draw(outline, loudest) if outline else ""


def _vocals_first(item: tuple[str, Path]) -> tuple[bool, str]:
    return item[0] != "vocals", item[0]


def _lineage(provenance: _Provenance, stems: Sequence[Stem]) -> Iterator[tuple[str, str]]:
    source, model = provenance.source, provenance.model
    yield "Source", source.key
    yield "Source, format", f"{source.rate:,} Hz, {_channels(source.channels)}, {source.subtype}".rstrip(", ")
    yield "Source, SHA-256", source.sha256
    yield "Model", f"{model.name}, version {model.version}" if model.version else f"{model.name}, not registered"
    yield "Model, SHA-256", model.sha256
    yield "MLflow run", model.run_id or "unknown"
    yield "Code that trained it", model.git_commit or "unknown"
    yield "Code that separated", provenance.code
    for stem in stems:
        yield f"{stem.name}, SHA-256", stem.sha256


def _channels(count: int) -> str:
    return {1: "mono", 2: "stereo"}.get(count, f"{count} channels")
