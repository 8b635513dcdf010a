"""The documents of a comparison, which its plan, its flow and its table pass on to each other."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from components.core.base.documents import Document
from components.core.data.artifacts import COMPARISON_PLAN, COMPARISON_SUMMARY
from components.core.data.evaluation import Evaluation


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Job(_Part):
    """One system to be scored.

    parameters   values in place of those in params.yaml
    oracles      parameters in place of these, for the first job of its `stems` that is scored
    model        folder of a model that was not trained here; without it the job trains one
    origin       description and source of the model
    """

    name: str
    title: str
    stems: tuple[str, ...]
    parameters: Mapping[str, Any]
    oracles: Mapping[str, Any]
    model: str | None = None
    origin: str | None = None


class Plan(Document):
    """All systems that a comparison trains and scores, in this order."""

    FILE: ClassVar[str] = COMPARISON_PLAN.file
    REMEDY: ClassVar[str] = "run `stemline compare` again"

    jobs: tuple[Job, ...]


class Recipe(_Part):
    """The amount of music that a training saw; older files name the steps alone."""

    steps: int
    batch: int | None = None
    crop_seconds: float | None = None


class SystemDescription(Document):
    """A system of the comparison: trained here by a `recipe`, or a model with an `origin`."""

    FILE: ClassVar[str] = "system.json"
    REMEDY: ClassVar[str] = "run `stemline compare` again"

    title: str
    parameters: Mapping[str, Any] = {}
    origin: str | None = None
    recipe: Recipe | None = None


class Costs(Document):
    """The costs of a system on one machine.

    weights                  their number; None for an ONNX file, which does not show it
    multiply_adds_a_second   multiply-adds per second of audio; None for an ONNX file
    times_real_time          seconds of a long song separated in a second: as trained, in torch eager and fp32
    times_real_time_fast     the same for the copy that `stemline separate` uses, in `fast_precision`
    seconds                  length of the music that was separated
    peak_memory_bytes        most memory of the process, or of the GPU, during a separation in torch eager and fp32
    size_bytes               size of the weights' file
    machine                  on which this was measured

    Both speeds are measured one window after the other, on all of torch's threads or on the GPU. `stemline separate` is
    faster on several cores: it has one worker per core, each on one thread.
    """

    FILE: ClassVar[str] = "costs.json"
    REMEDY: ClassVar[str] = "run `stemline compare` again"

    weights: int | None
    multiply_adds_a_second: float | None
    times_real_time: float
    times_real_time_fast: float
    fast_precision: str
    seconds: float
    peak_memory_bytes: int
    size_bytes: int
    machine: str


class Friedman(_Part):
    """Friedman's test that all trained systems are alike: `p` is None when it cannot be asked."""

    p: float | None
    tracks: int


class ComparisonSummary(Document):
    """The systems that were compared, and the result in short.

    best         by target the system with the best median SDR
    friedman     by target
    pretrained   systems that were not trained here
    others       by system where the scores of others come from
    runs         by system its MLflow run
    unmatched    by system files of others that are about no track of the test set
    failed       by system why its scores are missing
    test         the evaluation that all systems share
    """

    FILE: ClassVar[str] = COMPARISON_SUMMARY.file
    REMEDY: ClassVar[str] = "run `stemline compare` again"

    systems: tuple[str, ...]
    targets: tuple[str, ...]
    best: Mapping[str, str | None]
    friedman: Mapping[str, Friedman]
    pretrained: tuple[str, ...]
    others: Mapping[str, str]
    runs: Mapping[str, str]
    commit: str
    unmatched: Mapping[str, tuple[str, ...]]
    failed: Mapping[str, str]
    day: str
    test: Evaluation
