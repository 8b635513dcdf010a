"""The tables that `evaluate` writes: their columns, for writer and readers.

SCORES    one row per track, system, target and metric: the median over the frames
MEDIANS   one row per system and target: the median of each metric over the tracks
SPEEDS    one row per system: how fast it separates
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from components.core.base.errors import UserError
from components.core.base.files import whole_file
from components.core.data.artifacts import SCORE_TABLE, Artifact
from components.core.data.artifacts import SCORES as SCORES_FILE
from components.core.data.artifacts import SPEED as SPEED_FILE

METRICS = ("SDR", "SIR", "SAR", "ISR")
"""Ratios of a target to distortion, interference, artefacts and spatial distortion, in dB (Vincent et al.)."""


MODEL, MIXTURE = "model", "mixture"
"""Systems: the evaluated model, and the mixture itself as the estimate of every target."""
POST_PREFIX = f"{MODEL}+"
"""Start of the names of systems that are the model with a post-processing."""

TRACK, SYSTEM, TARGET, METRIC = "track", "system", "target", "metric"
VALUE = "value"
"""In dB; NaN where no frame has a finite score."""
FRAMES, NAN_FRAMES = "frames", "nan_frames"
"""The number of frames, and the number of frames without a finite score."""
COUNTED, LOST_FRAMES = "counted_value", "lost_frames"
"""For comparisons: the value that counts lost frames, and the number of lost frames. In a lost frame, an estimate is
silent and all references play. museval gives no target a score there; by the definition of SDR the silent estimate has
0 dB. So a model that writes zeros where it fails gains nothing."""
REASON = "reason"
"""Why a track has no frames; empty where it has."""

SDR_LOW, SDR_HIGH = "SDR_low", "SDR_high"
"""The bounds of the interval of the median SDR, in dB."""
TRACKS, UNSCORED = "tracks", "unscored"
"""The number of tracks with a score, and the number without one."""

TIMES_REAL_TIME, MACHINE = "times_real_time", "machine"
"""Seconds of music separated in a second, and the processor on which this was measured."""


@dataclass(frozen=True)
class Table:
    """A CSV file with a fixed set of columns; `optional` columns are missing in files of older versions."""

    artifact: Artifact
    columns: tuple[str, ...]
    optional: tuple[str, ...] = ()

    def read(self, folder: Path) -> pd.DataFrame:
        """Read the table in `folder`; raises UserError when it is missing, damaged, or lacks a column."""
        path, remedy = self.artifact.within(folder), f"run `dvc repro --force {self.artifact.writer}`"
        try:
            table = pd.read_csv(path)
        except FileNotFoundError:
            raise UserError(f"{path} does not exist: {remedy}") from None
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
            raise UserError(f"{path} is damaged (not a CSV table): {remedy}") from None
        for column in self.columns:
            if column not in table and column not in self.optional:
                raise UserError(f"{path} is damaged (no column {column}): {remedy}")
        return table

    def write(self, folder: Path, table: pd.DataFrame) -> None:
        """Write the table to `folder`, whole or not at all; the columns come in their fixed order."""
        with whole_file(self.artifact.within(folder)) as partial:
            table.to_csv(partial, columns=list(self.columns), index=False)


SCORES = Table(
    SCORES_FILE,
    (TRACK, SYSTEM, TARGET, METRIC, VALUE, FRAMES, NAN_FRAMES, REASON, COUNTED, LOST_FRAMES),
    optional=(COUNTED, LOST_FRAMES),
)
MEDIANS = Table(
    SCORE_TABLE,
    (SYSTEM, TARGET, *METRICS, SDR_LOW, SDR_HIGH, TRACKS, UNSCORED, FRAMES, NAN_FRAMES),
)
SPEEDS = Table(SPEED_FILE, (SYSTEM, TIMES_REAL_TIME, MACHINE), optional=(MACHINE,))


def counted_values(scores: pd.DataFrame) -> "pd.Series[float]":
    """Return the values for comparisons; museval's where nobody knows which frames are lost, as in older files."""
    return scores[COUNTED].fillna(scores[VALUE]) if COUNTED in scores else scores[VALUE]
