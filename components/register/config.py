"""The section `register` of params.yaml."""

from pydantic import Field

from components.core.base.params import Section


class RegisterConfig(Section):
    """`name`: the registered model's name."""

    name: str = Field(min_length=1)
