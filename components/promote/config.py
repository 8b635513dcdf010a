"""The section `promote` of params.yaml."""

from pydantic import Field

from components.core.params import Section


class PromoteConfig(Section):
    """`alias`: the registry's alias of the version that is live."""

    alias: str = Field(min_length=1)
