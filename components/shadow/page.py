"""The page to listen to: a single file beside the sounds that it plays. It does not know which model is A."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from components.core.base.files import write_text

_TEMPLATE = "page.html"


@dataclass(frozen=True)
class PageRecording:
    """A recording on the page: its name there, where it is from, and links relative to the page.

    `stems` has for every target the links of A and B.
    """

    name: str
    source: str
    start: float
    seconds: float
    mixture: str
    stems: Mapping[str, Mapping[str, str]]


def write_page(path: Path, page: str, recordings: Iterable[PageRecording]) -> None:
    """Write the page called `page` as a whole."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    document = {"page": page, "recordings": [asdict(recording) for recording in recordings]}
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    # within a script element, nothing else is markup
    write_text(path, environment.get_template(_TEMPLATE).render(heard=Markup(text.replace("<", "\\u003c"))))
