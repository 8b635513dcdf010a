"""What a system costs: seconds of music separated a second, on one core.

speed.csv       a row a system: times_real_time, and in words the processor that it was measured on
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from components.core.base.files import whole_file
from components.core.data.manifest import Track
from components.core.tracking.provenance import processor
from components.evaluate.scoring.jobs import Scored

SPEED = "speed.csv"


def times_real_time(scored: Sequence[Scored], tracks: Sequence[Track]) -> dict[str, float]:
    """Return for each system the seconds of music that it separates in a second of one core's time."""
    durations = {track.name: track.duration for track in tracks}
    music: dict[str, float] = defaultdict(float)
    seconds: dict[str, float] = defaultdict(float)
    for item in scored:
        music[item.scores.system] += durations[item.scores.track]
        seconds[item.scores.system] += item.seconds
    return {system: music[system] / max(seconds[system], 1e-9) for system in music}


def write_speeds(out: Path, speeds: Mapping[str, float]) -> None:
    """Write speed.csv to `out`."""
    machine = processor()  # where there is a GPU, too
    rows = [
        {"system": system, "times_real_time": round(value, 2), "machine": machine} for system, value in speeds.items()
    ]
    with whole_file(out / SPEED) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False)
