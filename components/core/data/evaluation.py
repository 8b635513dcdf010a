"""The description of an evaluation (model, tracks, scorer): the document beside the scores."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from components.core.base.documents import Document
from components.core.data.artifacts import TEST

DATASETS: Mapping[str, str] = {"musdb18-7s": "MUSDB18-7 (7-second excerpts)"}
"""Labels that differ from the name. MUSDB18's excerpts must not be mistaken for MUSDB18."""


def label_datasets(names: Iterable[str]) -> str:
    """Return one label for several datasets."""
    return " + ".join(DATASETS.get(name, name) for name in names)


class Evaluation(Document):
    """One evaluation. Two evaluations are of the same recordings when their `digest`s are equal.

    tracks              names of the test tracks
    digest              SHA-256 of the tracks' names, splits and audio
    datasets            the data sets that they are from
    targets             the model's targets, as they were scored
    merged_into_other   targets for which the data have no stem: they were scored as part of the target `other`
    rate, channels      of the audio that was scored
    window_seconds      length of a frame
    scorer              the program that computed the scores
    model               SHA-256 of the model's weights
    versions            versions of the packages that scores depend on
    """

    FILE: ClassVar[str] = TEST.file
    REMEDY: ClassVar[str] = "run `dvc repro --force evaluate`"

    tracks: tuple[str, ...]
    digest: str
    datasets: tuple[str, ...]
    targets: tuple[str, ...]
    merged_into_other: tuple[str, ...] = ()
    rate: int
    channels: int
    window_seconds: float
    scorer: str = "museval v4"  # files from before there was a choice do not name it
    model: str
    versions: Mapping[str, str] = {}

    @property
    def test_set(self) -> str:
        """The test set for pages and pictures, such as "25 test tracks of MUSDB18-7"."""
        count = len(self.tracks)
        return f"{count} test track{'' if count == 1 else 's'} of {label_datasets(self.datasets)}"

    @property
    def conditions(self) -> str:
        """What decides the scores beside model and tracks: they can be compared only where this is equal."""
        return f"{self.scorer_and_frames} at {self.rate} Hz, channels: {self.channels}"

    @property
    def scorer_and_frames(self) -> str:
        """The scorer and its frames."""
        return f"{self.scorer}, frames of {self.window_seconds:g} s"
