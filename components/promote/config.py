"""The section `promote` of params.yaml."""

from pydantic import Field

from components.core.base.params import Section


class PromoteConfig(Section):
    """Where it is written who is live.

    alias      the registry's alias of the version that is live
    previous   the alias of the one that was live before it
    journal    a folder or s3://bucket/folder for the journal of promotions; a relative one lies in the workspace;
               STEMLINE_JOURNAL in the environment wins
    """

    alias: str = Field(min_length=1)
    previous: str = Field("previous", min_length=1)
    journal: str = Field("promote", min_length=1)


class RegisteredName(Section):
    """What of the section `register` is needed here."""

    name: str
