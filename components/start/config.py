"""The section `start` of params.yaml."""

from components.core.base.params import Section


class StartConfig(Section):
    """The model that a training starts from."""

    model: str
    """A folder, models:/NAME@ALIAS or models:/NAME/VERSION; empty: random weights."""
