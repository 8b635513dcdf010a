"""Gather the parts of the page and write it, whole: it needs no network, and links relative to the workspace's files.

The page says the same, to the byte, as long as the files and stores it is made from do: it carries no date of its own.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from components.core.base.files import write_text
from components.report.drawing import chart, waveform
from components.report.drawing.formatting import FILTERS
from components.report.drawing.links import doors
from components.report.parts.acquired_data import read_data
from components.report.parts.catalogue_jobs import read_jobs
from components.report.parts.curves import read_training
from components.report.parts.last_model import read_model
from components.report.parts.live_model import read_history, read_live
from components.report.parts.live_scores import read_standing
from components.report.parts.recordings import read_recordings
from components.report.parts.scores import read_scores
from components.report.parts.versions import read_versions
from components.report.sources.reading import Part, Unavailable, link, part_of
from components.report.sources.stores import open_stores

PAGE = "index.html"

_MOMENT = 1.0
"""Seconds after which what does not agree is no promotion that is just under way."""

_TEMPLATE = "template.html"
_PICTURES = {
    "spectrograms": "Spectrograms of one test track: the mixture, the true vocals, and what the model makes of it",
    "SDR": "SDR, overall: a dot a test track",
    "SIR": "SIR, separation: a dot a test track",
    "SAR": "SAR, cleanness: a dot a test track",
    "ISR": "ISR, image: a dot a test track",
}


@dataclass(frozen=True)
class Picture:
    """A picture file: its link from the page, and what it shows."""

    link: str
    caption: str


def write_report(workspace: Path, catalogue: Path, out: Path) -> Path:
    """Write `out`/index.html about the stores, and what is in `workspace` and `catalogue`; return its path."""
    page_folder = out.resolve()
    parts = _of_the_stores(page_folder) | _of_the_run(workspace, catalogue, page_folder)
    template = _environment().get_template(_TEMPLATE)
    page = template.render(parts, doors=doors(workspace), drawing=chart, outline=waveform)
    # halves of surrogate pairs, which JSON can hold and no file: question marks
    write_text(out / PAGE, page.encode("utf-8", "replace").decode("utf-8"))
    return out / PAGE


def _of_the_stores(page_folder: Path) -> dict[str, Part[Any]]:
    stores = open_stores()
    live = part_of(lambda: read_live(stores))
    if live.content and live.content.disputed:
        time.sleep(_MOMENT)
        stores = open_stores()
        live = part_of(lambda: read_live(stores))
    version = live.content.version if live.content else 0
    return {
        "live": live,
        "standing": part_of(lambda: read_standing(stores, version)) if version else Part(None, live.note),
        "versions": part_of(lambda: read_versions(stores, version)),
        "jobs": part_of(lambda: read_jobs(stores, page_folder)),
        "history": part_of(lambda: read_history(stores)),
    }


def _of_the_run(workspace: Path, catalogue: Path, page_folder: Path) -> dict[str, Part[Any]]:
    return {
        "model": part_of(lambda: read_model(workspace)),
        "scores": part_of(lambda: read_scores(workspace)),
        "pictures": part_of(lambda: read_pictures(workspace.resolve(), page_folder)),
        "listen": part_of(lambda: read_recordings(catalogue.resolve(), page_folder)),
        "training": part_of(lambda: read_training(workspace)),
        "data": part_of(lambda: read_data(workspace)),
    }


def read_pictures(workspace: Path, page_folder: Path) -> Sequence[Picture]:
    """Return the pictures that evaluate drew, the known ones first; raises Unavailable when there is none."""
    files = {path.stem: path for path in sorted((workspace / "evaluate" / "pictures").glob("*.png"))}
    if not files:
        raise Unavailable("There are no pictures yet: evaluate has not run.")
    names = [*(name for name in _PICTURES if name in files), *(name for name in files if name not in _PICTURES)]
    return [Picture(link(files[name], page_folder), _PICTURES.get(name, name)) for name in names]


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    return environment
