"""The summary of the acquired data: the document summary.json, which `dvc metrics` compares and the report shows."""

from collections.abc import Mapping
from typing import ClassVar

from components.core.base.documents import Document
from components.core.data import artifacts


class AcquireSummary(Document):
    """Counts of the acquired data.

    tracks, artists, minutes   by split
    datasets                   tracks by dataset and split
    left_out                   tracks that are not used: `tracks` in all, then by kind of problem
    warnings                   problems of tracks that are used, by kind
    not_tracks                 files and folders that are no tracks
    """

    FILE: ClassVar[str] = artifacts.ACQUIRE_SUMMARY.file
    REMEDY: ClassVar[str] = "run `dvc repro acquire`"

    tracks: Mapping[str, int]
    artists: Mapping[str, int] = {}
    minutes: Mapping[str, float] = {}
    datasets: Mapping[str, Mapping[str, int]] = {}
    left_out: Mapping[str, int] = {}
    warnings: Mapping[str, int] = {}
    not_tracks: int = 0
