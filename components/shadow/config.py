"""The section `shadow` of params.yaml."""

from pydantic import Field

from components.core.base.params import Section


class ShadowConfig(Section):
    """The section `shadow` of params.yaml: the excerpts that a person listens to, and the time to wait for answers.

    source      a folder or s3://bucket/folder; empty: the held-back recordings that the step `catalogue` writes
    recordings  the largest number of recordings
    seconds     length of each excerpt, from where the voice's range is loudest
    seed        decides which recordings are drawn, and which model is A
    wait_hours  hours that a flow waits for an approval
    """

    source: str
    recordings: int = Field(gt=0, lt=100)
    seconds: float = Field(gt=0, le=120)
    seed: int
    wait_hours: float = Field(gt=0)
