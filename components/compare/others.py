"""Scores of others: folders of museval's own files, as museval writes them and SiSEC 2018 published them.

DIR/[test/]<track>.json    {"targets": [{"name": …, "frames": [{"metrics": {"SDR": …}}]}]}, in dB, one frame a second
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from components.core.errors import UserError
from components.core.metrics import METRICS


def read_others(name: str, folder: Path, tracks: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """Return the scores of the system `name` on those of `tracks` that `folder` has, and the files that fit none.

    The scores are a row a track, target and metric: medians over the frames that have a finite score, NaN for none.
    Raises UserError when no file fits, or one is not museval's.
    """
    if not folder.is_dir():
        raise UserError(f"--scores {name}: {folder} is not a folder")
    inner = folder / "test" if (folder / "test").is_dir() else folder
    by_key = {_key(track): track for track in tracks}
    rows: list[dict[str, Any]] = []
    unmatched = []
    for path in sorted(inner.glob("*.json")):
        track = by_key.get(_key(path.stem))
        if track is None:
            unmatched.append(path.stem)
            continue
        rows += [{"system": name, "track": track, **row} for row in _medians(path)]
    if not rows:
        raise UserError(f"--scores {name}: no file in {inner} is about a track that was scored here (by its name)")
    return pd.DataFrame(rows), unmatched


def _key(name: str) -> str:
    """Return what two ways to write a track's name have in common: its last part's letters and digits."""
    return re.sub(r"[\W_]+", "", name.rsplit("/", 1)[-1].removesuffix(".stem").casefold())


def _medians(path: Path) -> Iterator[dict[str, Any]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        for target in document["targets"]:
            for metric in METRICS:
                values = np.array([_number(frame["metrics"].get(metric)) for frame in target["frames"]])
                finite = values[np.isfinite(values)]
                value = float(np.median(finite)) if finite.size else float("nan")
                yield {"target": target["name"], "metric": metric, "value": value}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UserError(f"{path} is not a file of museval's scores: leave it out") from None


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
