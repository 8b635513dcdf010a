"""Slices of the test set: a model may be better on average and still fail one kind of music.

What is sliced by is known without reading audio: a column of manifest.csv (dataset, artist, genre; numbers are cut into
thirds), where tracks of which it says nothing are in no slice; and `level`: how loud the target is in its mixture, in
thirds. That is the SDR of the mixture itself as estimate of the target, which rises with the target's share of the
energy. How loud a mixture is as a whole nobody wrote down.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from components.core.data.manifest import MANIFEST
from components.core.release.verdict import Finding
from components.gate.config import GateConfig
from components.gate.scores import MIXTURE, MODEL, Scores, paired

LEVEL = "level"
_THIRDS = ("low", "middle", "high")


def sliced(config: GateConfig, challenger: Scores, champion: Scores, data: Path) -> list[Finding]:
    """Return a finding a target and column: the slice that lost most, on average, is within the limit."""
    tracks = _tracks(data)
    targets = [target for target in challenger.targets if target in champion.targets]
    return [_judged(config, challenger, champion, tracks, target, by) for by in config.slices for target in targets]


def slices_of(values: "pd.Series[float] | pd.Series[str]") -> "pd.Series[str]":
    """Return the slice of each track by its value: a text's own, a number's third."""
    if not pd.api.types.is_numeric_dtype(values):
        return values.astype(str)
    ranks = values.rank(method="first")  # ties too fall into three parts as even as can be
    thirds = np.ceil(ranks.to_numpy() / max(1, len(ranks)) * len(_THIRDS)).astype(int)
    return pd.Series([f"{_THIRDS[third - 1]} third" for third in thirds], index=values.index, dtype=str)


def _judged(
    config: GateConfig, challenger: Scores, champion: Scores, tracks: pd.DataFrame, target: str, by: str
) -> Finding:
    name = f"{target} by {by}"
    values = _values(challenger, tracks, target, by)
    if values is None:
        return Finding(name, False, f"{name}: {_unknown(by)}; it is named in gate.slices in params.yaml")
    differences = paired(challenger.sdr[MODEL], champion.sdr[MODEL], target)
    placed = values.reindex(differences.index).dropna()
    known = placed[placed != ""]
    groups = differences.groupby(slices_of(known))
    means, counts = groups.mean(), groups.count()
    judged = means[counts >= config.slice_minimum_tracks]
    unplaced = len(differences) - len(placed)
    rest = _rest(len(means) - len(judged), config.slice_minimum_tracks, len(placed) - len(known), unplaced)
    if judged.empty:
        return Finding(name, unplaced == 0, f"{name}: no slice to judge{rest}")
    worst = str(judged.idxmin())
    text = (
        f"{name}: worst of {len(judged)} slices is {worst}, {judged[worst]:+.2f} dB (mean of {counts[worst]} tracks); "
        f"allowed {-config.slice_limit_db:+.2f} dB{rest}"
    )
    return Finding(name, bool(judged[worst] >= -config.slice_limit_db) and unplaced == 0, text)


def _values(scores: Scores, tracks: pd.DataFrame, target: str, by: str) -> "pd.Series[float] | pd.Series[str] | None":
    if by == LEVEL:
        known: Mapping[str, pd.DataFrame] = scores.sdr
        return known[MIXTURE][target] if MIXTURE in known and target in known[MIXTURE] else None
    column: pd.Series[str] | None = tracks.get(by)
    return column


def _unknown(by: str) -> str:
    if by == LEVEL:
        return "the mixture was not scored (evaluate.systems in params.yaml)"
    return f"{MANIFEST} has no column {by}"


def _rest(small: int, minimum: int, unknown: int, unplaced: int) -> str:
    parts = [f"{small} with fewer than {minimum} tracks not judged"] if small else []
    parts += [f"{unknown} tracks of which it is not known"] if unknown else []
    parts += [f"{unplaced} tracks in no slice"] if unplaced else []
    return f" ({', '.join(parts)})" if parts else ""


def _tracks(data: Path) -> pd.DataFrame:
    """Return what the manifest says of each track, a row a track; of none where there is no manifest."""
    if not (data / MANIFEST).is_file():
        return pd.DataFrame()
    # texts that look like numbers: an artist called 1975 is no third of anything
    texts = dict.fromkeys(("track", "artist", "title", "dataset", "split", "genre"), str)
    table = pd.read_csv(data / MANIFEST, dtype=texts, keep_default_na=False)
    return table.drop_duplicates("track").set_index("track")
