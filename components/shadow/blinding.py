"""Who is A and who is B: drawn by lot, from what the models and recordings are."""

from components.core.base.files import digest_parts
from components.shadow.candidates import Candidate
from components.shadow.config import ShadowConfig
from components.shadow.excerpts import Excerpt
from components.shadow.key import HeardRecording, Letter


def ordered(config: ShadowConfig, pair: tuple[Candidate, Candidate], excerpt: Excerpt) -> dict[Letter, Candidate]:
    """Return who is A and who is B: drawn anew for each recording, the same whenever it is done again."""
    lot = digest_parts(["order", *_inputs(config, pair), excerpt.key, excerpt.sha256])
    first, second = pair if int(lot[:8], 16) % 2 else pair[::-1]
    return {"A": first, "B": second}


def page_name(config: ShadowConfig, pair: tuple[Candidate, Candidate], heard: dict[str, HeardRecording]) -> str:
    """Return the page's name, by which answers are known as its own; nobody is to be guessed from it."""
    parts = (part for each in heard.values() for part in (each.source, each.sha256, str(each.start)))
    return digest_parts(["page", *_inputs(config, pair), str(config.seconds), *parts])[:16]


def _inputs(config: ShadowConfig, pair: tuple[Candidate, Candidate]) -> list[str]:
    return [str(config.seed), *(candidate.model.digest for candidate in pair)]
