"""The live version's scores, as its training's MLflow run holds them."""

from collections.abc import Mapping
from dataclasses import dataclass

from components.report.parts.scores import METRICS
from components.report.parts.versions import scores_of
from components.report.sources.reading import Unavailable
from components.report.sources.stores import Stores, asking

_FLOOR, _CEILING = "mixture", "irm2"
_NAN = float("nan")


@dataclass(frozen=True)
class Standing:
    """A target's scores in dB, NaN where there is none: medians by metric, the interval of SDR's, floor and ceiling."""

    target: str
    values: tuple[float, ...]
    low: float
    high: float
    floor: float
    ceiling: float


@dataclass(frozen=True)
class StandingPart:
    """Scores by target; `metrics` are (name, word); `test` says what they were measured on, `run_link` by whom."""

    metrics: tuple[tuple[str, str], ...]
    targets: tuple[Standing, ...]
    test: str
    run_id: str
    run_link: str


def read_standing(stores: Stores, version: int) -> StandingPart:
    """Return the scores of a version; raises Unavailable when its run has none, or is not there."""
    name, store = stores.names.required().model, stores.mlflow.required()
    with asking(f"The scores of version {version}"):
        run_id = store.client.get_model_version(name, str(version)).run_id
        if not run_id:
            raise Unavailable(f"Version {version} was registered without a training's run: it has no scores here.")
        run = store.client.get_run(run_id)
    metrics, scores = run.data.metrics, scores_of(run)
    if not scores:
        raise Unavailable(f"MLflow run {run_id} of version {version} has no scores.")
    targets = tuple(_standing(target, values, metrics) for target, values in scores.items())
    columns = tuple((metric, word) for metric, (word, _) in METRICS.items())
    return StandingPart(columns, targets, _tested_on(run.data.tags), run_id, store.run_link(run_id))


def _standing(target: str, values: Mapping[str, float], metrics: Mapping[str, float]) -> Standing:
    bounds = (metrics.get(f"test/{target}/{name}", _NAN) for name in ("SDR_low", "SDR_high"))
    others = (metrics.get(f"test/{system}/{target}/SDR", _NAN) for system in (_FLOOR, _CEILING))
    return Standing(target, tuple(values.get(metric, _NAN) for metric in METRICS), *bounds, *others)


def _tested_on(tags: Mapping[str, str]) -> str:
    tracks, dataset = tags.get("evaluate.test_tracks", "?"), tags.get("evaluate.dataset", "unknown data")
    scorer = tags.get("evaluate.scorer", "")
    return f"{tracks} test track{'' if tracks == '1' else 's'} of {dataset}" + (f"; {scorer}." if scorer else ".")
