"""The sections `register` and `promote` of params.yaml, which several steps read to find the live model."""

from pydantic import Field

from components.core.base.params import Section


class RegisterConfig(Section):
    """The section `register`.

    name   the registered model's name in MLflow
    """

    name: str = Field(min_length=1)


class PromoteConfig(Section):
    """The section `promote`.

    alias      the registry's alias of the live version
    previous   the alias of the version that was live before
    journal    a folder or s3://bucket/folder for the journal of promotions; a relative folder lies in the workspace;
               the environment variable STEMLINE_JOURNAL overrides it
    """

    alias: str = Field(min_length=1)
    previous: str = Field(min_length=1)
    journal: str = Field(min_length=1)
