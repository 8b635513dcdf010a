"""Scores of every frame in museval's own JSON format: `museval.EvalStore` reads them."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from components.core.base.files import write_text
from components.core.data.artifacts import MUSEVAL
from components.core.data.manifest import Track
from components.core.data.score_tables import METRICS
from components.evaluate.scoring.track_scores import TrackScores


def write_museval(out: Path, tracks: Sequence[Track], scores: Sequence[TrackScores], window_seconds: float) -> None:
    """Write `out`/museval/<system>/<split>/<track>.json for every scored track; files of an earlier run are deleted."""
    from museval import TrackStore  # imports only with ffmpeg on PATH; the step puts it there before it scores

    folder = MUSEVAL.within(out)
    shutil.rmtree(folder, ignore_errors=True)
    splits = {track.name: track.split for track in tracks}
    for score in scores:
        if score.reason:
            continue
        store = TrackStore(score.track, win=window_seconds, hop=window_seconds)
        for target, values in zip(score.targets, score.values, strict=True):
            store.add_target(target, dict(zip(METRICS, values.tolist(), strict=True)))
        store.validate()
        write_text(folder / score.system / splits[score.track] / f"{score.track}.json", store.json)
