"""Gather the parts of the page and write it, whole: no network, links relative to the workspace's files.

The page says the same, to the byte, as long as the files it is made from do: it carries no date.
"""

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from components.core.files import write_text
from components.report import curves, outline
from components.report.curves import read_training
from components.report.data import read_data
from components.report.model import read_model
from components.report.reading import Unavailable, link, part_of, shown
from components.report.recordings import read_recordings
from components.report.scores import read_scores

PAGE = "index.html"

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
    """Write `out`/index.html about what is in `workspace` and `catalogue`, and return its path."""
    page_folder = out.resolve()
    parts = {
        "model": part_of(lambda: read_model(workspace)),
        "scores": part_of(lambda: read_scores(workspace)),
        "pictures": part_of(lambda: read_pictures(workspace.resolve(), page_folder)),
        "listen": part_of(lambda: read_recordings(catalogue.resolve(), page_folder)),
        "training": part_of(lambda: read_training(workspace)),
        "data": part_of(lambda: read_data(workspace)),
    }
    template = _environment().get_template(_TEMPLATE)
    write_text(out / PAGE, template.render(parts, commands=_commands(workspace), drawing=curves, outline=outline))
    return out / PAGE


def read_pictures(workspace: Path, page_folder: Path) -> Sequence[Picture]:
    """Return the pictures that evaluate drew, the known ones first; raises Unavailable when there is none."""
    files = {path.stem: path for path in sorted((workspace / "evaluate" / "pictures").glob("*.png"))}
    if not files:
        raise Unavailable("There are no pictures yet: evaluate has not run.")
    names = [*(name for name in _PICTURES if name in files), *(name for name in files if name not in _PICTURES)]
    return [Picture(link(files[name], page_folder), _PICTURES.get(name, name)) for name in names]


def decibels(value: float) -> str:
    """Return a level with two decimals and a true minus; a dash where there is none."""
    return _signed(f"{value:.2f}") if math.isfinite(value) else "–"


def number(value: float) -> str:
    """Return a number with four digits."""
    return _signed(f"{value:#.4g}") if math.isfinite(value) else "–"


def clock(seconds: float) -> str:
    """Return a position as m:ss."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def _signed(text: str) -> str:
    return text.replace("-", "−")


def _commands(workspace: Path) -> dict[str, str]:
    """The commands that open MLflow and Prefect on this workspace, for a shell in the project's folder."""
    folder = shown(workspace.as_posix())
    store, home = shlex.quote(f"sqlite:///{folder}/mlflow/mlflow.db"), shlex.quote(f"{folder}/prefect")
    return {
        "mlflow": f".venv/bin/mlflow ui --backend-store-uri {store}",
        "prefect": f"PREFECT_HOME={home} .venv/bin/prefect server start",
    }


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"decibels": decibels, "number": number, "clock": clock}
    return environment
