"""The speed of every system: seconds of music separated in a second of one core's time."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import pandas as pd

from components.core.data.manifest import Track
from components.core.data.score_tables import MACHINE, SYSTEM, TIMES_REAL_TIME
from components.core.tracking.provenance import processor
from components.evaluate.scoring.parallel_scoring import Scored


def times_real_time(scored: Sequence[Scored], tracks: Sequence[Track]) -> dict[str, float]:
    """Return the speed of every system."""
    durations = {track.name: track.duration for track in tracks}
    music: dict[str, float] = defaultdict(float)
    seconds: dict[str, float] = defaultdict(float)
    for item in scored:
        music[item.scores.system] += durations[item.scores.track]
        seconds[item.scores.system] += item.seconds
    return {system: music[system] / max(seconds[system], 1e-9) for system in music}


def speed_table(speeds: Mapping[str, float]) -> pd.DataFrame:
    """Return speed.csv; scoring runs on the processor even where there is a GPU, so it names the processor."""
    machine = processor()
    return pd.DataFrame(
        {SYSTEM: system, TIMES_REAL_TIME: round(speed, 2), MACHINE: machine} for system, speed in speeds.items()
    )
