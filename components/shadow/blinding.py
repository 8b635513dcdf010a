"""The draw that decides which model is A and which is B: by digests, so the same inputs give the same draw."""

from components.core.base.files import digest_parts
from components.shadow.candidates import Candidate
from components.shadow.config import ShadowConfig
from components.shadow.excerpts import Excerpt
from components.shadow.key import KeyRecording, Letter


def assign_letters(
    config: ShadowConfig, pair: tuple[Candidate, Candidate], excerpt: Excerpt
) -> dict[Letter, Candidate]:
    """Return which candidate is A and which is B in this recording."""
    lot = digest_parts(["order", *_digests(config, pair), excerpt.key, excerpt.sha256])
    first, second = pair if int(lot[:8], 16) % 2 else pair[::-1]
    return {"A": first, "B": second}


def name_page(config: ShadowConfig, pair: tuple[Candidate, Candidate], recordings: dict[str, KeyRecording]) -> str:
    """Return the page's name: answers carry it, and it does not reveal the models."""
    parts = (part for each in recordings.values() for part in (each.source, each.sha256, str(each.start)))
    return digest_parts(["page", *_digests(config, pair), str(config.seconds), *parts])[:16]


def _digests(config: ShadowConfig, pair: tuple[Candidate, Candidate]) -> list[str]:
    return [str(config.seed), *(candidate.model.digest for candidate in pair)]
