"""The section `separate` of params.yaml."""

from typing import Literal

from pydantic import Field

from components.core.base.params import Section
from components.core.separating.postprocessing import PostProcessing
from components.separate.recording.inspection import Limits
from components.separate.recording.quality import FlagLimits


class DriftLimit(Section):
    """Over `limit`, in standard deviations of the training's tracks; of fewer `recordings` it may be chance."""

    limit: float = Field(1.5, ge=0)
    recordings: int = Field(10, gt=0)


class SeparateConfig(Section):
    """What separates, and how.

    model             `models:/NAME@ALIAS` or `models:/NAME/VERSION` of the MLflow registry, or the folder of a model;
                      where the registry has no such version, the model that ships with Stemline is taken
    post              how the network's estimates become stems
    stems             which of the model's stems are written; none named: all
    format            of the stems' files; a recording that it can't hold is written as wav
    precision         of the network's arithmetic; auto: bf16 where the processor or GPU has units for it
    workers           processes; 0: one a core or, where there are GPUs, one a GPU
    attempts          how often a recording that ends a worker, or fails for no known reason, is tried
    patience_seconds  for how long a store that does not answer is asked again
    stuck_seconds     after so long without progress on a recording a worker is ended
    worker_gigabytes  a worker that takes more memory is ended
    pictures          whether a spectrogram is drawn of every recording
    price_per_hour    of this machine, in any currency; for the cost of an hour of audio
    limits            which recordings are refused
    flags             from where on a recording is marked to be looked at
    drift             from where on a catalogue is so unlike the training's music that a retraining is called for
    """

    model: str = "models:/vocal-isolation@champion"
    post: PostProcessing = PostProcessing()
    stems: tuple[str, ...] = ()
    format: Literal["wav", "flac", "aiff", "caf"] = "wav"
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    workers: int = Field(0, ge=0)
    attempts: int = Field(3, gt=0)
    patience_seconds: float = Field(180.0, ge=0)
    stuck_seconds: float = Field(900.0, gt=0)
    worker_gigabytes: float = Field(8.0, gt=0)
    pictures: bool = True
    price_per_hour: float = Field(0.0, ge=0)
    limits: Limits = Limits()
    flags: FlagLimits = FlagLimits()
    drift: DriftLimit = DriftLimit()
