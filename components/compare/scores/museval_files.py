"""Scores of systems that were scored elsewhere: JSON files in the format of museval, as SiSEC 2018 published them.

FOLDER/[test/]<track>.json    {"targets": [{"name": …, "frames": [{"metrics": {"SDR": …}}]}]}, dB, one frame per second
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from components.core.base.errors import UserError
from components.core.data.score_tables import METRIC, METRICS, SYSTEM, TARGET, TRACK, VALUE
from components.core.data.scored_stems import AMONG, name_stem_set

_ONE_FRAME = 1  # programs differ in the last frame

Frames = Mapping[str, Mapping[str, list[float]]]
"""The scores of every frame, by target and metric."""


def read_museval_scores(name: str, folder: Path, tracks: Mapping[str, int]) -> tuple[pd.DataFrame, list[str]]:
    """Return the scores of the system `name`, and the files that are about none of `tracks`.

    `tracks` maps the scored tracks to their number of frames. The table has one row per track, target and metric: the
    median over the frames that have a finite score, NaN for none; AMONG holds the stems that were scored together.
    Raises UserError when no file fits, when one is not museval's, or when one has more or fewer frames: an excerpt has
    the same name as its song.
    """
    inner = _inner_folder(name, folder)
    tracks_by_key = {_key(track): track for track in tracks}
    rows: list[dict[str, Any]] = []
    unmatched = []
    for path in sorted(inner.glob("*.json")):
        track = tracks_by_key.get(_key(path.stem))
        if track is None:
            unmatched.append(path.stem)
            continue
        frames = _read_frames(path)
        _require_length(name, path, frames, tracks[track])
        rows += [
            {SYSTEM: name, TRACK: track, AMONG: name_stem_set(target, frames), TARGET: target, METRIC: metric,
             VALUE: _median(values)}
            for target, metrics in frames.items()
            for metric, values in metrics.items()
        ]  # fmt: skip
    if not rows:
        raise UserError(
            f"--scores {name}: no file in {inner} has the name of a scored track: name each file after its track"
        )
    return pd.DataFrame(rows), unmatched


def require_museval_files(name: str, folder: Path) -> None:
    """Raise UserError when the folder of the system `name` does not exist, or has no file of museval's."""
    inner = _inner_folder(name, folder)
    if not any(_is_museval(path) for path in sorted(inner.glob("*.json"))):
        raise UserError(
            f"--scores {name}: {inner} has no JSON file of museval's in it: name the folder that has one per track"
        )


def _inner_folder(name: str, folder: Path) -> Path:
    if not folder.is_dir():
        raise UserError(f"--scores {name}: {folder} is not a folder: name the folder with museval's files")
    return folder / "test" if (folder / "test").is_dir() else folder


def _is_museval(path: Path) -> bool:
    try:
        return bool(_read_frames(path))
    except UserError:
        return False


def _key(name: str) -> str:
    """Return the letters and digits of the last part of a track's name: all its spellings share them."""
    return re.sub(r"[\W_]+", "", name.rsplit("/", 1)[-1].removesuffix(".stem").casefold())


def _read_frames(path: Path) -> Frames:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {
            str(target["name"]): {
                metric: [_number(frame["metrics"].get(metric)) for frame in target["frames"]] for metric in METRICS
            }
            for target in document["targets"]
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UserError(f"{path} is not a file of museval's scores: take it out of the folder") from None


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _require_length(name: str, path: Path, frames: Frames, expected: int) -> None:
    lengths = {len(values) for metrics in frames.values() for values in metrics.values()}
    if any(abs(length - expected) > _ONE_FRAME for length in lengths):
        raise UserError(
            f"--scores {name}: {path} has {max(lengths)} frames in place of {expected}, so it scores other audio "
            "(perhaps the whole song of an excerpt): score the same data set, or take it out of the folder"
        )


def _median(frames: list[float]) -> float:
    values = np.array(frames)
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else float("nan")
