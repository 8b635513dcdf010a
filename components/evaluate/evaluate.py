"""Score a model on the test split.

test.json       the test tracks, the model and the scorer (`Evaluation`)
scores.csv      the median over frames of every track, system, target and metric
table.csv       the medians over tracks, with the interval of the median SDR
metrics.json    the medians for `dvc metrics`
speed.csv       the speed of every system
museval/        the scores of every frame, in museval's format
pictures/       box plots, and spectrograms of one track

The same inputs give the same files, except for measured speeds.
"""

from collections.abc import Sequence
from pathlib import Path

from components.core.base.errors import UserError
from components.core.base.files import digest_parts, write_json
from components.core.data.artifacts import EVALUATE_METRICS, MANIFEST
from components.core.data.manifest import Track, read_manifest
from components.core.data.score_tables import MEDIANS, SCORES, SPEEDS
from components.core.models.model_folder import load_model
from components.evaluate.config import EvaluateConfig
from components.evaluate.results.description import describe_evaluation
from components.evaluate.results.museval_files import write_museval
from components.evaluate.results.pictures import draw_pictures
from components.evaluate.results.tables import (
    median_table,
    metrics_by_system,
    score_table,
    speed_table,
    summary_text,
    times_real_time,
)
from components.evaluate.scoring.merged_stems import merge_targets, merged_targets
from components.evaluate.scoring.parallel_scoring import Scoring, score_all
from components.evaluate.scoring.systems import all_systems
from components.evaluate.scoring.track_scores import require_several_targets
from components.evaluate.scoring.track_signals import scored_targets

SPLIT = "test"


def evaluate(config: EvaluateConfig, model_folder: Path, data: Path, out: Path) -> None:
    """Score the model on the test split of `data`/manifest.csv, and write the results to `out`.

    Raises UserError when there is no test track, or none can be scored.
    """
    model = load_model(model_folder)
    tracks = _choose(read_manifest(data, SPLIT), config.tracks)
    if not tracks:
        manifest = MANIFEST.within(data)
        raise UserError(f"{manifest} has no track in the split '{SPLIT}': add a dataset that has one to acquire")
    merged = merged_targets(model.targets, tracks)
    model = merge_targets(model, merged)
    require_several_targets(scored_targets(model.targets))
    scoring = Scoring(model_folder, merged, config.post, config.window_seconds, config.scorer)
    scored = score_all(scoring, tracks, all_systems(config.systems, config.post))
    track_scores = [item.scores for item in scored]
    if all(score.reason for score in track_scores):
        raise UserError(f"no test track can be scored; the first is {tracks[0].name}: {track_scores[0].reason}")
    scores, speeds = score_table(track_scores), times_real_time(scored, tracks)
    medians = median_table(scores)
    evaluation = describe_evaluation(tracks, model, merged, config.window_seconds, config.scorer)
    write_museval(out, tracks, track_scores, config.window_seconds)
    SCORES.write(out, scores)
    MEDIANS.write(out, medians)
    SPEEDS.write(out, speed_table(speeds))
    write_json(EVALUATE_METRICS.within(out), metrics_by_system(medians))
    evaluation.write(out)
    draw_pictures(out, config.pictures_seconds, model, tracks, scores)
    print(summary_text(medians, scores, evaluation, speeds), flush=True)


def _choose(tracks: Sequence[Track], count: int | None) -> Sequence[Track]:
    """Return `count` of the tracks, or all, in their own order; the choice depends on their names alone."""
    chosen = sorted(tracks, key=lambda track: digest_parts([track.name]))[:count]
    return [track for track in tracks if track in chosen]
