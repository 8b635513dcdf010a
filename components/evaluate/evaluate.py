"""The work of the step: files in, files out. What it writes is described in `results`."""

from collections.abc import Sequence
from pathlib import Path

from components.core.base.errors import UserError
from components.core.base.files import digest_parts
from components.core.data.manifest import MANIFEST, Track, read_manifest
from components.core.models.bundle import load_model
from components.evaluate.config import EvaluateConfig
from components.evaluate.results.pictures import draw_pictures
from components.evaluate.results.results import describe_test, summarise, tidy, write_museval, write_tables
from components.evaluate.results.score_table import summary_text
from components.evaluate.scoring.jobs import score_all
from components.evaluate.scoring.merging import merged_model, merged_targets
from components.evaluate.scoring.scoring import scenarios
from components.evaluate.scoring.speed import times_real_time, write_speeds
from components.evaluate.scoring.systems import all_systems
from components.evaluate.scoring.test_tracks import scored_targets

SPLIT = "test"


def evaluate(config: EvaluateConfig, model: Path, data: Path, out: Path) -> None:
    """Score the model in the folder `model` on the test split of `data`/manifest.csv; results in `out`.

    Raises UserError when there is no test track, or none that can be scored.
    """
    loaded = load_model(model)
    tracks = _some(read_manifest(data, SPLIT), config.tracks)
    if not tracks:
        raise UserError(f"{data / MANIFEST} has no track in the split '{SPLIT}': add a dataset that has one to acquire")
    merged = merged_targets(loaded.targets, tracks)
    loaded = merged_model(loaded, merged)
    scenarios(scored_targets(loaded.targets))  # raises, before the long work, when these targets cannot be scored
    systems = all_systems(config.systems, config.post)
    scored = score_all(model, merged, tracks, systems, config.post, config.window_seconds, config.scorer)
    scores = [item.scores for item in scored]
    if all(score.reason for score in scores):
        raise UserError(f"no test track can be scored, the first because {scores[0].reason}: {tracks[0].name}")
    table = tidy(scores)
    summary = summarise(table)
    test = describe_test(tracks, loaded, merged, config.window_seconds, config.scorer)
    write_museval(out, tracks, scores, config.window_seconds)
    write_tables(out, table, summary, test)
    speeds = times_real_time(scored, tracks)
    write_speeds(out, speeds)
    draw_pictures(out, config.pictures_seconds, loaded, tracks, table)
    print(summary_text(summary, table, test, speeds), flush=True)


def _some(tracks: Sequence[Track], count: int) -> Sequence[Track]:
    """Return `count` of the tracks in their own order, the same ones whatever else is there; all for 0."""
    if not count:
        return tracks
    chosen = sorted(tracks, key=lambda track: digest_parts([track.name]))[:count]
    return [track for track in tracks if track in chosen]
