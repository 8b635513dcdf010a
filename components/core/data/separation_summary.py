"""The summary that a separation job leaves at its destination: counts, times, cost, and drift."""

from typing import ClassVar

from pydantic import ConfigDict, Field, computed_field

from components.core.base.documents import Document
from components.core.data.stem_provenance import StemSettings


class SeparationSummary(Document):
    """The sums of a job: listed = done + skipped + quarantined + failed.

    settings           the model and the options of the job
    later              recordings that `--limit` left for another job
    flagged            recordings that a person should listen to
    audio_seconds      length of the recordings that were separated now
    catalogue_seconds  length of all recordings whose length is known
    wall_seconds       duration of the separation
    price_per_hour     price of an hour of the machine, in any currency
    drift              distance of the catalogue from the training's music, in standard deviations; None: not known
    drifted            whether the drift is over its limit
    stopped            why the job had to stop; empty when it did not
    ended              when the job ended (ISO 8601)
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    FILE: ClassVar[str] = "summary.json"
    REMEDY: ClassVar[str] = "separate again"

    settings: StemSettings = Field(alias="recipe")
    listed: int
    done: int
    skipped: int
    quarantined: int
    failed: int
    later: int
    flagged: int
    audio_seconds: float
    catalogue_seconds: float
    wall_seconds: float
    price_per_hour: float
    drift: float | None
    drifted: bool
    stopped: str
    ended: str = ""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def speed(self) -> float:
        """Seconds of audio per second."""
        return self.audio_seconds / self.wall_seconds if self.wall_seconds else 0.0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def price_per_audio_hour(self) -> float:
        """The price of an hour of audio."""
        return self.price_per_hour / self.speed if self.speed else 0.0

    def __str__(self) -> str:
        """Return the counts in one line; they add up to `listed`."""
        parts = [f"{self.done} done", f"{self.skipped} done before", f"{self.quarantined} quarantined"]
        later = f" ({self.later} left for later)" if self.later else ""
        return f"{self.listed} recordings = {' + '.join(parts)} + {self.failed} failed{later}"
