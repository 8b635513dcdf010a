"""The section `catalogue` of params.yaml."""

from pydantic import Field

from components.core.base.params import Section


class CatalogueConfig(Section):
    """The number of recordings, their rate in Hz, and their channels."""

    recordings: int = Field(gt=0)
    """The test split is used first, then validation."""
    rate: int = Field(gt=0)
    channels: int = Field(gt=0)
