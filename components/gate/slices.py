"""Slices of the test set: a model may be better on average and still fail one kind of music.

Tracks are sliced by a column of manifest.csv (dataset, artist, genre …) or by `level`: how loud the target is in its
mixture. The gate reads no audio: the level is the SDR of the mixture scored as if it were the target, which rises
with the target's share of the energy. Numbers are cut into thirds. A track with an empty value is in no slice.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from components.core.data.artifacts import MANIFEST
from components.core.data.score_tables import MIXTURE, MODEL
from components.core.release.verdict import Finding
from components.gate.config import GateConfig
from components.gate.scores import Scores, paired_differences

LEVEL = "level"
_THIRDS = ("low", "middle", "high")


def judge_slices(config: GateConfig, challenger: Scores, champion: Scores, data: Path) -> list[Finding]:
    """Return a finding for every target and column: the mean loss of the worst slice must be within the limit."""
    tracks = _read_tracks(data)
    targets = [target for target in challenger.targets if target in champion.targets]
    return [_judge(config, challenger, champion, tracks, target, by) for by in config.slices for target in targets]


def assign_slices(values: "pd.Series[float] | pd.Series[str]") -> "pd.Series[str]":
    """Return the slice of each track: each text value is a slice; numbers are cut into thirds."""
    if not pd.api.types.is_numeric_dtype(values):
        return values.astype(str)
    ranks = values.rank(method="first")  # ties too are split into three even parts
    thirds = np.ceil(ranks.to_numpy() / max(1, len(ranks)) * len(_THIRDS)).astype(int)
    return pd.Series([f"{_THIRDS[third - 1]} third" for third in thirds], index=values.index, dtype=str)


def _judge(
    config: GateConfig, challenger: Scores, champion: Scores, tracks: pd.DataFrame, target: str, by: str
) -> Finding:
    name = f"{target} by {by}"
    values = _values(challenger, tracks, target, by)
    if values is None:
        return Finding(name, False, f"{name}: {_why_unknown(by)}; it is named in gate.slices in params.yaml")
    differences = paired_differences(challenger.sdr[MODEL], champion.sdr[MODEL], target)
    placed = values.reindex(differences.index).dropna()
    known = placed[placed != ""]
    groups = differences.groupby(assign_slices(known))
    means, counts = groups.mean(), groups.count()
    judged = means[counts >= config.slice_minimum_tracks]
    unplaced = len(differences) - len(placed)
    left_out = _left_out(len(means) - len(judged), config.slice_minimum_tracks, len(placed) - len(known), unplaced)
    if judged.empty:
        return Finding(name, unplaced == 0, f"{name}: no slice to judge{left_out}")
    worst = str(judged.idxmin())
    text = (
        f"{name}: worst of {len(judged)} slices is {worst}, {judged[worst]:+.2f} dB (mean of {counts[worst]} tracks); "
        f"allowed {-config.slice_limit_db:+.2f} dB{left_out}"
    )
    return Finding(name, bool(judged[worst] >= -config.slice_limit_db) and unplaced == 0, text)


def _values(scores: Scores, tracks: pd.DataFrame, target: str, by: str) -> "pd.Series[float] | pd.Series[str] | None":
    if by == LEVEL:
        known: Mapping[str, pd.DataFrame] = scores.sdr
        return known[MIXTURE][target] if MIXTURE in known and target in known[MIXTURE] else None
    column: pd.Series[str] | None = tracks.get(by)
    return column


def _why_unknown(by: str) -> str:
    if by == LEVEL:
        return "the mixture was not scored (evaluate.systems in params.yaml)"
    return f"{MANIFEST.file} has no column {by}"


def _left_out(small: int, minimum: int, unknown: int, unplaced: int) -> str:
    parts = [f"{small} with fewer than {minimum} tracks not judged"] if small else []
    parts += [f"{unknown} tracks with an unknown value"] if unknown else []
    parts += [f"{unplaced} tracks in no slice"] if unplaced else []
    return f" ({', '.join(parts)})" if parts else ""


def _read_tracks(data: Path) -> pd.DataFrame:
    """Return the manifest's columns, one row per track; an empty table when there is no manifest."""
    manifest = MANIFEST.within(data)
    if not manifest.is_file():
        return pd.DataFrame()
    # as text, or an artist called 1975 would be a number and land in a third
    texts = dict.fromkeys(("track", "artist", "title", "dataset", "split", "genre"), str)
    table = pd.read_csv(manifest, dtype=texts, keep_default_na=False)
    return table.drop_duplicates("track").set_index("track")
