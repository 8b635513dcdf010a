"""The parameters of separation: the section `separate` of params.yaml, and the options of a single job."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal
from unicodedata import normalize

from pydantic import Field, field_validator

from components.core.base.params import Section
from components.core.base.workspace import SCRATCH
from components.core.separating.postprocessing_config import PostProcessing


class Limits(Section):
    """Limits that a recording must not exceed; one that does goes to quarantine.

    hours            its length
    expansion        bytes that a byte of the file decodes to, counted as samples of 16 bits. Music stays below 50 and
                     silence below 1,500; a file above that is a decompression bomb
    decoder_seconds  time in which its decoder must deliver something
    """

    hours: float = Field(gt=0)
    expansion: float = Field(gt=0)
    decoder_seconds: float = Field(gt=0, le=86_400)


class FlagLimits(Section):
    """Limits beyond which a person should listen to a recording: it gets a flag in the ledger and on the page.

    silent_share   more of the recording is silent
    clipped_share  more of its samples are clipped: 3 dB beyond full scale give 0.0006, 6 dB give 0.009
    stem_share     a stem has less of the energy: music without singing leaves the vocals 0.003
    correlation    the stems are more alike: the median is 0.17 where vocals are separated well
    distance       the recording is more unlike the training's tracks, of which 5 % are beyond 1
    high_db        less of the energy lies above 17 kHz: MP3 at 128 kbit/s leaves -93 dB or less
    """

    silent_share: float = Field(ge=0, le=1)
    clipped_share: float = Field(ge=0, le=1)
    stem_share: float = Field(ge=0, le=1)
    correlation: float = Field(ge=-1, le=1)
    distance: float = Field(ge=0)
    high_db: float = Field(le=0)


class DriftLimit(Section):
    """Limit of a catalogue's drift.

    limit       in standard deviations of the training's tracks; a larger drift starts a retraining
    recordings  a smaller catalogue starts none, because its drift may be chance
    """

    limit: float = Field(ge=0)
    recordings: int = Field(gt=0)


class SeparateConfig(Section):
    """The section `separate` of params.yaml; every default stands there. Its plain fields are options as well.

    post    the post-processing of the network's estimates
    limits  which recordings are refused
    flags   which recordings a person should listen to
    drift   the distance from the training's music at which a catalogue starts a retraining
    """

    model: str = Field(
        description="models:/NAME@ALIAS, models:/NAME/VERSION, or the folder of a model. A name without a version in "
        "the registry means the model that ships with Stemline."
    )
    post: PostProcessing
    stems: tuple[str, ...] = Field(description="Stems to write, e.g. vocals or vocals,accompaniment; none named: all.")
    format: Literal["wav", "flac", "aiff", "caf"] = Field(
        description="wav, flac, aiff or caf; a recording that the format can't hold becomes wav."
    )
    precision: Literal["auto", "bf16", "fp32"] = Field(
        description="bf16, fp32, or auto: bf16 where the processor or GPU has units for it."
    )
    workers: int = Field(ge=0, description="Processes; 0: one per core, or one per GPU.")
    attempts: int = Field(
        gt=0, description="Tries of a recording that crashes its worker or fails without a known reason."
    )
    patience_seconds: float = Field(ge=0, description="Time for which a store that does not answer is asked again.")
    stuck_seconds: float = Field(gt=0, description="Seconds without progress after which a worker is stopped.")
    worker_gigabytes: float = Field(gt=0, description="Memory of a worker in GB; above it the worker is stopped.")
    pictures: bool = Field(description="Draw a spectrogram of every recording.")
    price_per_hour: float = Field(ge=0, description="Price of an hour of this machine, in any currency.")
    limits: Limits
    flags: FlagLimits
    drift: DriftLimit

    @field_validator("stems", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        if not isinstance(value, list | tuple):
            return value
        return tuple(part.strip() for text in value for part in str(text).split(","))


class JobOptions(Section):
    """The choice of recordings for one job; options of the command line only."""

    limit: int | None = Field(None, ge=1, description="Separate at most this many recordings in this run.")
    include: tuple[str, ...] = Field(
        (), description="Only keys that match, e.g. '*.flac'; * matches / too. Repeatable."
    )
    exclude: tuple[str, ...] = Field((), description="No keys that match, e.g. 'demos/*'. Repeatable.")
    manifest: str | None = Field(
        None,
        description="A file that names the recordings by key or path: one per line (# begins a comment), or the column "
        "`key` of a CSV file.",
    )
    retry_quarantined: bool = Field(False, description="Try the recordings in quarantine once more.")
    models: Path = Field(SCRATCH / "models", description="Folder for models that are fetched from a registry.")

    @property
    def selects_everything(self) -> bool:
        """Whether the options select all recordings of a source."""
        return not (self.include or self.exclude or self.manifest)

    def selects(self, key: str) -> bool:
        """Return whether the patterns select a recording."""
        included = not self.include or any(_matches(key, pattern) for pattern in self.include)
        return included and not any(_matches(key, pattern) for pattern in self.exclude)


def _matches(key: str, pattern: str) -> bool:
    """Compare in composed characters: a letter with an accent may be written as one character or as two."""
    return fnmatchcase(normalize("NFC", key), normalize("NFC", pattern))
