"""Scores of others: folders of museval's own files, as museval writes them and SiSEC 2018 published them.

DIR/[test/]<track>.json    {"targets": [{"name": …, "frames": [{"metrics": {"SDR": …}}]}]}, in dB, one frame a second
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from components.core.base.errors import UserError
from components.core.data.metric_names import METRICS
from components.core.data.scored_stems import scored_together

_ONE_FRAME = 1  # at the end, where programs differ


def read_others(name: str, folder: Path, tracks: Mapping[str, int]) -> tuple[pd.DataFrame, list[str]]:
    """Return the scores of the system `name` on those of `tracks` that `folder` has, and the files that fit none.

    The scores are a row a track, target and metric: medians over the frames that have a finite score, NaN for none;
    `among` says among which stems.
    `tracks` are the frames of each. Raises UserError when no file fits, one is not museval's, or is about more or less
    audio than was scored here: excerpts have the names of the songs that they are from.
    """
    inner = _inner(name, folder)
    by_key = {_key(track): track for track in tracks}
    rows: list[dict[str, Any]] = []
    unmatched = []
    for path in sorted(inner.glob("*.json")):
        track = by_key.get(_key(path.stem))
        if track is None:
            unmatched.append(path.stem)
            continue
        document = _document(path)
        _require_length(name, path, document, tracks[track])
        rows += [
            {
                "system": name,
                "track": track,
                "among": ", ".join(sorted(scored_together(row["target"], document))),
                **row,
            }
            for row in _medians(document)
        ]
    if not rows:
        raise UserError(f"--scores {name}: no file in {inner} is about a track that was scored here (by its name)")
    return pd.DataFrame(rows), unmatched


def require_scores(name: str, folder: Path) -> None:
    """Raise UserError when `folder`, of the system `name`, is not there, or no file in it is museval's."""
    inner = _inner(name, folder)
    if not any(_is_museval(path) for path in sorted(inner.glob("*.json"))):
        raise UserError(
            f"--scores {name}: {inner} has no JSON file of museval's in it: name the folder that has one a track"
        )


def _inner(name: str, folder: Path) -> Path:
    if not folder.is_dir():
        raise UserError(f"--scores {name}: {folder} is not a folder")
    return folder / "test" if (folder / "test").is_dir() else folder


def _is_museval(path: Path) -> bool:
    try:
        return bool(_document(path))
    except UserError:
        return False


def _key(name: str) -> str:
    """Return what two ways to write a track's name have in common: its last part's letters and digits."""
    return re.sub(r"[\W_]+", "", name.rsplit("/", 1)[-1].removesuffix(".stem").casefold())


def _document(path: Path) -> dict[str, dict[str, list[float]]]:
    """Return a file's values of every frame, by target and metric."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {
            str(target["name"]): {
                metric: [_number(frame["metrics"].get(metric)) for frame in target["frames"]] for metric in METRICS
            }
            for target in document["targets"]
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UserError(f"{path} is not a file of museval's scores: leave it out") from None


def _require_length(name: str, path: Path, document: Mapping[str, Mapping[str, list[float]]], wanted: int) -> None:
    found = {len(frames) for metrics in document.values() for frames in metrics.values()}
    if any(abs(frames - wanted) > _ONE_FRAME for frames in found):
        raise UserError(
            f"--scores {name}: {path} has {max(found)} frames, and {wanted} were scored here: it is about other audio, "
            "as a whole song is beside its excerpt; score the same data set, or leave it out"
        )


def _medians(document: Mapping[str, Mapping[str, list[float]]]) -> Iterator[dict[str, Any]]:
    for target, metrics in document.items():
        for metric, frames in metrics.items():
            values = np.array(frames)
            finite = values[np.isfinite(values)]
            yield {"target": target, "metric": metric, "value": float(np.median(finite)) if finite.size else np.nan}


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
