"""What the step leaves behind: museval's JSON files, tables, and what they are about. Whole files, the same each time.

museval/<system>/<split>/<track>.json   every frame, in museval's own format (reads with museval.EvalStore)
scores.csv      a row a track, system, target and metric: median over frames (dB), frames, nan_frames, reason
table.csv       a row a system and target: median over tracks of each metric (dB), the bounds of the SDR's median (95 %,
                bootstrap over tracks), and what was counted
metrics.json    the same, nested system > target > metric, numbers only, for `dvc metrics`
test.json       which tracks (with a digest of their audio), how they were scored, and which stems as part of `other`
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from components.core.base.files import digest_parts, whole_file, write_json, write_text
from components.core.data.bootstrap import median_interval
from components.core.data.manifest import Track
from components.core.data.metric_names import METRICS
from components.core.models.bundle import Model
from components.core.tracking.provenance import package_versions
from components.evaluate.scoring.scoring import TrackScores, median_of_frames

SCORES, TABLE, METRICS_FILE, TEST = "scores.csv", "table.csv", "metrics.json", "test.json"
MUSEVAL, PICTURES = "museval", "pictures"

CONFIDENCE = 0.95
"""Of the interval of a median."""

_RESAMPLES, _SEED = 10_000, 7
_DECIMALS = 6
_PACKAGES = ("museval", "numpy", "scipy", "torch")


def write_museval(out: Path, tracks: Sequence[Track], scores: Sequence[TrackScores], window_seconds: float) -> None:
    """Write museval's JSON of every scored track, in place of those of an earlier run."""
    from museval import TrackStore  # needs ffmpeg on PATH, which scoring has seen to

    shutil.rmtree(out / MUSEVAL, ignore_errors=True)
    splits = {track.name: track.split for track in tracks}
    for score in scores:
        if score.reason:
            continue
        store = TrackStore(score.track, win=window_seconds, hop=window_seconds)
        for target, values in zip(score.targets, score.values, strict=True):
            store.add_target(target, dict(zip(METRICS, values.tolist(), strict=True)))
        store.validate()
        write_text(out / MUSEVAL / score.system / splits[score.track] / f"{score.track}.json", store.json)


def tidy(scores: Sequence[TrackScores]) -> pd.DataFrame:
    """Return scores.csv: `value` is NaN where a track has no finite frame; `reason` says why it has no frames."""
    rows = [
        {
            "track": score.track,
            "system": score.system,
            "target": target,
            "metric": metric,
            "value": round(median_of_frames(values), _DECIMALS),
            "frames": values.size,
            "nan_frames": int(values.size - np.isfinite(values).sum()),
            "reason": score.reason,
        }
        for score in scores
        for target, by_metric in zip(score.targets, score.values, strict=True)
        for metric, values in zip(METRICS, by_metric, strict=True)
    ]
    return pd.DataFrame(rows)


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Turn `tidy` scores into table.csv: medians over tracks, and counts of tracks and frames by system and target.

    `tracks` counts those with a score, `unscored` the others; `nan_frames` are those of the worst metric.
    """
    groups = table.groupby(["system", "target"], sort=False)
    medians = groups.apply(lambda rows: rows.groupby("metric")["value"].median())[list(METRICS)].round(_DECIMALS)
    sdr = table[table["metric"] == "SDR"].groupby(["system", "target"], sort=False)
    bounds = sdr["value"].apply(_median_interval)
    medians["SDR_low"], medians["SDR_high"] = (bounds.str[side].round(_DECIMALS) for side in (0, 1))
    medians["tracks"] = sdr["value"].count()
    medians["unscored"] = sdr["value"].apply(lambda values: int(values.isna().sum()))
    medians["frames"] = sdr["frames"].sum()
    per_track = table.groupby(["system", "target", "track"], sort=False)["nan_frames"].max()
    medians["nan_frames"] = per_track.groupby(["system", "target"], sort=False).sum()
    return medians.reset_index()


def _median_interval(values: "pd.Series[float]") -> tuple[float, float]:
    known = np.asarray(values.dropna(), dtype=np.float64)
    return median_interval(known, CONFIDENCE, _RESAMPLES, _SEED) if len(known) else (float("nan"), float("nan"))


def nested(summary: pd.DataFrame) -> dict[str, dict[str, object]]:
    """Turn `summarise`'s rows into metrics.json; a metric without any score is left out.

    Counts stand beside the targets of a system and are those of the target that has the fewest scores.
    """
    document: dict[str, dict[str, object]] = {}
    for system, rows in summary.groupby("system", sort=False):
        targets: dict[str, object] = {
            str(row["target"]): {metric: float(row[metric]) for metric in METRICS if np.isfinite(row[metric])}
            for _, row in rows.iterrows()
        }
        counts = {
            "tracks": int(rows["tracks"].min()),
            "unscored": int(rows["unscored"].max()),
            "frames": int(rows["frames"].max()),
            "nan_frames": int(rows["nan_frames"].max()),
        }
        document[str(system)] = targets | counts
    return document


def describe_test(
    tracks: Sequence[Track], model: Model, merged: tuple[str, ...], window_seconds: float, scorer: str
) -> dict[str, object]:
    """Return test.json: two files of scores are about the same music when their `digest`s are equal.

    `targets` are those of `model` as it was scored; `merged` are others, which its `other` took in.
    """
    versions = package_versions()
    return {
        "tracks": [track.name for track in tracks],
        "digest": digest_tracks(tracks),
        "datasets": sorted({track.dataset for track in tracks}),
        "targets": list(model.targets),
        "merged_into_other": list(merged),
        "rate": model.rate,
        "channels": model.channels,
        "window_seconds": window_seconds,
        "scorer": scorer_label(scorer),
        "model": model.digest,
        "versions": {name: versions[name] for name in _PACKAGES},
    }


def scorer_label(scorer: str) -> str:
    """Return in words what computed the scores: it stands beside every table."""
    versions = package_versions()
    version = versions["museval"] if scorer == "museval" else versions["stemline"]
    return f"BSS Eval v4 by {'museval' if scorer == 'museval' else 'stemline'} {version}"


def digest_tracks(tracks: Sequence[Track]) -> str:
    """Return one SHA-256, in hex, of the tracks' names, splits and stems' audio, wherever it lies."""
    return digest_parts(
        "\t".join((track.name, track.split, stem.stem, str(stem.stream), stem.sha256))
        for track in sorted(tracks, key=lambda track: track.name)
        for stem in sorted(track.stems.values(), key=lambda stem: stem.stem)
    )


def write_tables(out: Path, scores: pd.DataFrame, summary: pd.DataFrame, test: Mapping[str, object]) -> None:
    """Write scores.csv, table.csv, metrics.json and test.json to `out`."""
    for name, table in ((SCORES, scores), (TABLE, summary)):
        with whole_file(out / name) as partial:
            table.to_csv(partial, index=False)
    write_json(out / METRICS_FILE, nested(summary))
    write_json(out / TEST, test)
