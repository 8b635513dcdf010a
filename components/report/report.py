"""Reads the parts of the page and writes it as one file, which needs no network and links to the workspace's files.

The same files and stores give the same bytes: the page carries no date of its own.
"""

import time
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from components.core.base.files import write_text
from components.core.data.artifacts import REPORT
from components.report.drawing import chart, waveform
from components.report.drawing.formatting import FILTERS
from components.report.parts.acquired_data import read_data
from components.report.parts.catalogue_jobs import read_jobs
from components.report.parts.last_run import read_last_run
from components.report.parts.live_model import read_history, read_live
from components.report.parts.live_scores import read_live_scores
from components.report.parts.recordings import read_recordings
from components.report.parts.scores import read_pictures, read_scores
from components.report.parts.server_links import list_server_links
from components.report.parts.training_curves import read_training
from components.report.parts.versions import read_versions
from components.report.sources.step_files import Part, read_part
from components.report.sources.stores import open_stores

SETTLING_SECONDS = 1.0
"""A promotion under way makes journal and registry agree within this time."""


def write_report(workspace: Path, catalogue: Path, out: Path) -> Path:
    """Write the page about the stores, `workspace` and `catalogue` to the folder `out`; return its path."""
    page_folder, page_path = out.resolve(), REPORT.within(out)
    parts = read_store_parts(page_folder) | _read_run_parts(workspace, catalogue, page_folder)
    template = _environment().get_template("page.html")
    page = template.render(parts, server_links=list_server_links(workspace), chart_size=chart, waveform_size=waveform)
    # JSON can hold halves of surrogate pairs, a file can't: they become question marks
    write_text(page_path, page.encode("utf-8", "replace").decode("utf-8"))
    return page_path


def read_store_parts(page_folder: Path) -> dict[str, Part[Any]]:
    """Return the parts that come from MLflow and the journal; read twice when a promotion may be under way."""
    stores = open_stores()
    live = read_part(lambda: read_live(stores))
    if live.content and live.content.disputed:
        time.sleep(SETTLING_SECONDS)
        stores = open_stores()
        live = read_part(lambda: read_live(stores))
    version = live.content.version if live.content else 0
    return {
        "live": live,
        "live_scores": read_part(lambda: read_live_scores(stores, version)) if version else Part(None, live.note),
        "versions": read_part(lambda: read_versions(stores, version)),
        "jobs": read_part(lambda: read_jobs(stores, page_folder)),
        "history": read_part(lambda: read_history(stores)),
    }


def _read_run_parts(workspace: Path, catalogue: Path, page_folder: Path) -> dict[str, Part[Any]]:
    return {
        "last_run": read_part(lambda: read_last_run(workspace)),
        "scores": read_part(lambda: read_scores(workspace)),
        "pictures": read_part(lambda: read_pictures(workspace.resolve(), page_folder)),
        "recordings": read_part(lambda: read_recordings(catalogue.resolve(), page_folder)),
        "training": read_part(lambda: read_training(workspace)),
        "data": read_part(lambda: read_data(workspace)),
    }


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
