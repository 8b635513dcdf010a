"""The pictures that evaluate drew."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.core.data.artifacts import PICTURES
from components.report.sources.reading import Unavailable, relative_link

_CAPTIONS = {
    "spectrograms": "Spectrograms of one test track: the mixture, the true vocals, and the model's vocals",
    "SDR": "SDR, overall: a dot for each test track",
    "SIR": "SIR, separation: a dot for each test track",
    "SAR": "SAR, cleanness: a dot for each test track",
    "ISR": "ISR, image: a dot for each test track",
}


@dataclass(frozen=True)
class Picture:
    """A picture: its link from the page, and its caption."""

    link: str
    caption: str


def read_pictures(workspace: Path, page_folder: Path) -> Sequence[Picture]:
    """Return the pictures, those with a caption first; raises Unavailable when there is none."""
    files = {path.stem: path for path in sorted(PICTURES.below(workspace).glob("*.png"))}
    if not files:
        raise Unavailable("There are no pictures yet: evaluate has not run.")
    names = [*(name for name in _CAPTIONS if name in files), *(name for name in files if name not in _CAPTIONS)]
    return [Picture(relative_link(files[name], page_folder), _CAPTIONS.get(name, name)) for name in names]
