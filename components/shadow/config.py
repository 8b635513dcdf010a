"""The section `shadow` of params.yaml."""

from pydantic import Field

from components.core.base.params import Section


class ShadowConfig(Section):
    """What is listened to, and how long a flow waits for it.

    source      a folder or s3://bucket/folder; empty: the held-back recordings that `catalogue` writes
    recordings  how many of it, at most
    seconds     of each, where it is loudest in the range of the voice
    seed        decides which recordings, and which model is A
    wait_hours  so long a flow that needs an approval waits for it
    """

    source: str
    recordings: int = Field(gt=0, lt=100)
    seconds: float = Field(gt=0, le=120)
    seed: int
    wait_hours: float = Field(gt=0)
