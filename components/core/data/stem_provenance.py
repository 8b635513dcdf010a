"""The provenance file beside a recording's stems: their source, their model, and their figures.

Unknown keys are ignored, so archives that an older or a newer Stemline wrote can still be read.
"""

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from components.core.base.documents import Document


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class SourceFile(_Part):
    """The recording that was separated.

    store           address of the folder or bucket that holds it
    key             its path in there
    bytes, stamp    its size, and its modification time or ETag: both stay the same until it is replaced
    sha256          SHA-256 of the file
    samples         samples of each channel
    samples_sha256  SHA-256 of the decoded samples: it stays the same when only the tags change
    rate            sampling rate in Hz
    subtype         libsndfile's name of the sample format, or ffmpeg's name of the codec
    decoder         the program that decoded it, with its version
    """

    store: str
    key: str
    bytes: int
    stamp: str
    sha256: str
    samples: int
    samples_sha256: str = ""
    rate: int
    channels: int
    subtype: str = ""
    decoder: str = ""


class ModelUsed(_Part):
    """The model that made the stems.

    version         0 for a model that is in no registry
    run_id          of the MLflow run that trained it; empty for a converted model
    converted_from  the kind of weights that `stemline convert` read; empty for a model that was trained here
    files           SHA-256 of the files that it read, by name
    members         for an ensemble or a chain: address, SHA-256 and origin of each model in it
    """

    name: str
    version: int = 0
    sha256: str
    network: dict[str, Any]
    targets: tuple[str, ...] = ()
    run_id: str | None = None
    git_commit: str | None = None
    converted_from: str = ""
    files: dict[str, str] = {}
    members: tuple[dict[str, Any], ...] = ()

    def __str__(self) -> str:
        return f"{self.name} {self.version}" if self.version else self.name


class StemOptions(BaseModel):
    """The options that decide the bytes of a stem; unknown ones are kept, because they count in a comparison."""

    model_config = ConfigDict(frozen=True, extra="allow")

    format: str
    post: dict[str, Any]
    precision: Literal["fp32", "bf16"]
    stems: tuple[str, ...]


class StemSettings(_Part):
    """Everything that decides the bytes of a stem, apart from the recording."""

    model: ModelUsed
    options: StemOptions

    def makes_same_stems(self, other: "StemSettings") -> bool:
        """Return whether both make the same stems; what the registry calls the model does not matter.

        Parameters of a network that are None are as if they were absent: older archives lack those that came later.
        """
        ours, theirs = self.model, other.model
        same_model = (ours.sha256, _given(ours.network)) == (theirs.sha256, _given(theirs.network))
        return same_model and self.options == other.options


class StemFile(_Part):
    """A stem's file; `clipped` counts the samples whose estimate was beyond full scale."""

    file: str
    sha256: str
    clipped: int = 0


class StemFormat(_Part):
    """The sample format of the stems; `instead_because` says why it is not the format that was asked for."""

    subtype: str
    instead_because: str = ""


class Provenance(Document):
    """A recording's provenance file.

    stems     by target
    picture   name of the spectrogram's file; empty when none was drawn
    left_out  parts of the recording that the stems do not have, in words, such as a cover that is too large
    figures   measurements by name (see `Quality.figures` of separate)
    features  features that give the distance from the training's music; empty for silence
    code      git commit that separated
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    FILE: ClassVar[str] = "provenance.json"
    REMEDY: ClassVar[str] = "separate the recording again"

    source: SourceFile
    model: ModelUsed
    options: StemOptions
    stems: dict[str, StemFile]
    format: StemFormat | None = None
    picture: str = ""
    left_out: tuple[str, ...] = ()
    figures: dict[str, int | float] = Field(default_factory=dict)
    features: dict[str, float] = Field(default_factory=dict)
    code: str
    packages: dict[str, str] = Field(default_factory=dict)
    machine: dict[str, str] = Field(default_factory=dict)

    @property
    def settings(self) -> StemSettings:
        """The settings that made the stems."""
        return StemSettings(model=self.model, options=self.options)

    def values(self) -> dict[str, Any]:
        """Return the document as JSON values; no key stands for a missing picture, or for nothing left out."""
        optional = ("picture", "left_out")
        return {name: value for name, value in super().values().items() if name not in optional or value}


def _given(value: Any) -> Any:
    """Return the parameters of a network, and of the members in it, without those that are None."""
    if isinstance(value, dict):
        return {name: _given(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_given(inner) for inner in value]
    return value
