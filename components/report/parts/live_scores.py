"""The live version's scores, from the MLflow run of its training."""

from collections.abc import Mapping
from dataclasses import dataclass

from components.report.parts.scores import CEILING, FLOOR, METRICS
from components.report.parts.versions import read_test_scores
from components.report.sources.step_files import Unavailable
from components.report.sources.stores import Stores, errors_as_notes

_NAN = float("nan")


@dataclass(frozen=True)
class TargetScores:
    """A target's scores in dB, NaN when there is none.

    values        medians over the test tracks, by metric
    low, high     the interval of the median SDR
    floor         SDR of the mixture
    ceiling       SDR of ideal masks
    """

    target: str
    values: tuple[float, ...]
    low: float
    high: float
    floor: float
    ceiling: float


@dataclass(frozen=True)
class LiveScoresPart:
    """Scores by target; `metrics` are pairs (name, plain name), and `test` describes the test tracks."""

    metrics: tuple[tuple[str, str], ...]
    targets: tuple[TargetScores, ...]
    test: str
    run_id: str
    run_link: str


def read_live_scores(stores: Stores, version: int) -> LiveScoresPart:
    """Return the scores of a version; raises Unavailable when its run is missing or has no scores."""
    name, store = stores.settings.required().name, stores.mlflow.required()
    with errors_as_notes(f"The scores of version {version}"):
        run_id = store.client.get_model_version(name, str(version)).run_id
        if not run_id:
            raise Unavailable(f"Version {version} was registered without an MLflow run, so it has no scores here.")
        run = store.client.get_run(run_id)
    metrics, scores = run.data.metrics, read_test_scores(run)
    if not scores:
        raise Unavailable(f"MLflow run {run_id} of version {version} has no scores.")
    targets = tuple(_target_scores(target, values, metrics) for target, values in scores.items())
    columns = tuple((metric, plain_name) for metric, (plain_name, _) in METRICS.items())
    return LiveScoresPart(columns, targets, _describe_test(run.data.tags), run_id, store.run_link(run_id))


def _target_scores(target: str, values: Mapping[str, float], metrics: Mapping[str, float]) -> TargetScores:
    bounds = (metrics.get(f"test/{target}/{name}", _NAN) for name in ("SDR_low", "SDR_high"))
    references = (metrics.get(f"test/{system}/{target}/SDR", _NAN) for system in (FLOOR, CEILING))
    return TargetScores(target, tuple(values.get(metric, _NAN) for metric in METRICS), *bounds, *references)


def _describe_test(tags: Mapping[str, str]) -> str:
    tracks, dataset = tags.get("evaluate.test_tracks", "?"), tags.get("evaluate.dataset", "unknown data")
    scorer = tags.get("evaluate.scorer", "")
    return f"{tracks} test track{'' if tracks == '1' else 's'} of {dataset}" + (f"; {scorer}." if scorer else ".")
