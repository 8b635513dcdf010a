"""The section `catalogue` of params.yaml."""

from pydantic import Field

from components.core.base.params import Section


class CatalogueConfig(Section):
    """`recordings`: how many, from the test split first, then from validation."""

    recordings: int = Field(gt=0)
    rate: int = Field(gt=0)
    channels: int = Field(gt=0)
