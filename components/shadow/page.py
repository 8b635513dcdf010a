"""The listening page: one HTML file beside the sounds that it plays. It does not contain which model is A."""

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
    """A recording on the page.

    source    its name in the catalogue
    start     where the excerpt begins, in seconds; it is `seconds` long
    mixture   the link to the mixture, relative to the page
    stems     the links to the stems, by target and letter
    """

    name: str
    source: str
    start: float
    seconds: float
    mixture: str
    stems: Mapping[str, Mapping[str, str]]


def write_page(path: Path, page: str, recordings: Iterable[PageRecording]) -> None:
    """Write the page with the name `page`, whole or not at all."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    document = {"page": page, "recordings": [asdict(recording) for recording in recordings]}
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    # in a script element only "<" could start markup
    write_text(path, environment.get_template(_TEMPLATE).render(data=Markup(text.replace("<", "\\u003c"))))
