"""Sections of other projects' files: unknown keys are ignored."""

from pydantic import ConfigDict

from components.core.base.params import Section


class OpenSection(Section):
    """A section with more keys than the ones that matter here."""

    model_config = ConfigDict(frozen=True, extra="ignore")
