"""The separated recordings of a catalogue: their stems, waveforms and provenance."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.core.data.stem_provenance import Provenance
from components.report.drawing.waveform import Waveform, draw_bars, measure_waveform
from components.report.sources.step_files import Unavailable, printable_path, read_document, relative_link

LIMIT = 200
"""The largest number of recordings on the page, which counts the others."""


@dataclass(frozen=True)
class Stem:
    """A stem's file: its link from the page (empty when the file is missing), and its waveform as an SVG path."""

    name: str
    link: str
    waveform: str
    sha256: str


@dataclass(frozen=True)
class Recording:
    """A separated recording; `seconds` is 0 when no stem can be read. `origin` are pairs (label, value)."""

    key: str
    seconds: float
    stems: tuple[Stem, ...]
    origin: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RecordingsPart:
    """The recordings by name, how many more there are, and how many have a damaged provenance file."""

    recordings: tuple[Recording, ...]
    more: int
    damaged: int


def read_recordings(catalogue: Path, page_folder: Path) -> RecordingsPart:
    """Find the recordings below `catalogue`, a resolved path like `page_folder`; raises Unavailable without any."""
    folders = sorted(_find_finished(catalogue), key=os.fsencode)
    if not folders:
        raise Unavailable(
            "There is no separated recording in the catalogue's folder: separate has not run, or it wrote to a bucket."
        )
    recordings, damaged = [], 0
    for folder in folders[:LIMIT]:
        try:
            provenance = read_document(folder / Provenance.FILE, Provenance, "")
        except Unavailable:
            damaged += 1
            continue
        key = printable_path(folder.relative_to(catalogue).as_posix())
        recordings.append(_recording(key, folder, provenance, page_folder))
    return RecordingsPart(tuple(recordings), max(0, len(folders) - LIMIT), damaged)


def _find_finished(catalogue: Path) -> Iterator[Path]:
    """Yield the folders with a provenance file: their recordings are done."""
    for folder, _, files in os.walk(catalogue):
        if Provenance.FILE in files:
            yield Path(folder)


def _recording(key: str, folder: Path, provenance: Provenance, page_folder: Path) -> Recording:
    # only the file's name counts, so the page never links outside the recording's folder
    files = {name: folder / Path(stem.file).name for name, stem in provenance.stems.items()}
    waveforms = {name: measure_waveform(path) for name, path in files.items()}
    loudest = max((waveform.peak for waveform in waveforms.values() if waveform), default=0.0)
    stems = tuple(
        Stem(name, _link_stem(path, page_folder), _draw(waveforms[name], loudest), provenance.stems[name].sha256)
        for name, path in sorted(files.items(), key=_vocals_first)
    )
    seconds = max((waveform.seconds for waveform in waveforms.values() if waveform), default=0.0)
    return Recording(key, seconds, stems, tuple(_describe_origin(provenance, stems)))


def _link_stem(path: Path, page_folder: Path) -> str:
    return relative_link(path, page_folder) if path.is_file() else ""


def _draw(waveform: Waveform | None, loudest: float) -> str:
    return draw_bars(waveform, loudest) if waveform else ""


def _vocals_first(item: tuple[str, Path]) -> tuple[bool, str]:
    return item[0] != "vocals", item[0]


def _describe_origin(provenance: Provenance, stems: Sequence[Stem]) -> Iterator[tuple[str, str]]:
    source, model = provenance.source, provenance.model
    yield "Source", source.key
    yield "Source, format", f"{source.rate:,} Hz, {_describe_channels(source.channels)}, {source.subtype}".rstrip(", ")
    yield "Source, SHA-256", source.sha256
    yield "Model", f"{model.name}, version {model.version}" if model.version else f"{model.name}, not registered"
    yield "Model, SHA-256", model.sha256
    yield "MLflow run", model.run_id or "unknown"
    yield "Code that trained it", model.git_commit or "unknown"
    yield "Code that separated", provenance.code
    for stem in stems:
        yield f"{stem.name}, SHA-256", stem.sha256


def _describe_channels(count: int) -> str:
    return {1: "mono", 2: "stereo"}.get(count, f"{count} channels")
