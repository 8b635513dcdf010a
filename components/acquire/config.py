"""The section `acquire` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from components.core.base.params import Section

DatasetName = Literal["demo", "musdb18-7s", "musdb18", "musdb18-hq", "folder"]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]


class AcquireConfig(Section):
    """Which music to take, and how it is split.

    Shares are of a dataset's training artists. They apply to a split that the dataset does not name itself: MUSDB18
    has its own test split, a folder may have `train`, `validation` and `test` in it. `folder` is a path, or
    s3://bucket/folder.
    """

    datasets: tuple[DatasetName, ...]
    folder: str = "data"
    validation_share: Share = 0.12
    folder_validation_share: Share = 0.1
    folder_test_share: Share = 0.1
    seed: int = Field(7, ge=0)
    demo_songs: int = Field(24, ge=2)
    demo_seconds: float = Field(20.0, ge=4.0, le=600.0)

    @field_validator("datasets")
    @classmethod
    def _some_and_once(cls, names: tuple[DatasetName, ...]) -> tuple[DatasetName, ...]:
        if not names:
            raise ValueError("name at least one dataset, such as [demo]")
        if len(set(names)) < len(names):
            raise ValueError("a dataset is named twice")
        return names

    @model_validator(mode="after")
    def _leave_some_for_training(self) -> "AcquireConfig":
        if self.folder_validation_share + self.folder_test_share >= 1:
            raise ValueError("folder_validation_share and folder_test_share leave nothing to train on")
        return self
