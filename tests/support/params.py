"""Sections of the project's params.yaml for tests."""

from typing import TypeVar

from components.core.base.params import Section, load_section
from tests.support.source import ROOT

SectionT = TypeVar("SectionT", bound=Section)


def section_with(step: str, schema: type[SectionT], **changes: object) -> SectionT:
    """Return the section of `step` in params.yaml, with changes."""
    written = load_section(step, schema, ROOT / "params.yaml")
    return schema.model_validate({**written.model_dump(), **changes})
