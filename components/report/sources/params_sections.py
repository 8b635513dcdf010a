"""What of the sections of params.yaml is needed to find the live model."""

from components.core.base.params import Section


class PromoteSection(Section):
    """The section `promote`: the registry's aliases, and where the journal is."""

    alias: str
    previous: str = "previous"
    journal: str = "promote"


class RegisterSection(Section):
    """The section `register`: the registered model's name."""

    name: str
