"""The section `acquire` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from components.core.base.params import Section

DatasetName = Literal["demo", "musdb18-7s", "musdb18", "musdb18-hq", "folder"]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]


class AcquireConfig(Section):
    """The section `acquire` of params.yaml: the music to take, and its splits.

    A share is a share of a dataset's training artists. It applies to a split that the dataset does not name itself:
    MUSDB18 names its test split; a folder may have subfolders `train`, `validation` and `test`.
    """

    datasets: tuple[DatasetName, ...]
    folder: str
    """A path, or s3://bucket/folder."""
    validation_share: Share
    folder_validation_share: Share
    folder_test_share: Share
    seed: int = Field(ge=0)
    demo_songs: int = Field(ge=2)
    demo_seconds: float = Field(ge=4.0, le=600.0)

    @field_validator("datasets")
    @classmethod
    def _require_distinct_names(cls, names: tuple[DatasetName, ...]) -> tuple[DatasetName, ...]:
        if not names:
            raise ValueError("name at least one dataset, such as [demo]")
        if len(set(names)) < len(names):
            raise ValueError("a dataset is named twice: name each once")
        return names

    @model_validator(mode="after")
    def _leave_artists_for_training(self) -> "AcquireConfig":
        if self.folder_validation_share + self.folder_test_share >= 1:
            raise ValueError(
                "folder_validation_share and folder_test_share leave nothing to train on: "
                "choose shares with a sum below 1"
            )
        return self
