"""The registered versions, the newest first: verdict, scores, and the data, code and run of each."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow.entities import DatasetInput, Run
from mlflow.entities.model_registry import ModelVersion

from components.core.data.evaluation import label_datasets
from components.core.release.version import REFUSED_TAG, ROLLED_BACK_TAG
from components.report.drawing.chart import Chart, draw_chart
from components.report.parts.scores import METRICS
from components.report.sources.step_files import Unavailable
from components.report.sources.stores import Mlflow, Stores, errors_as_notes

_CONTEXT = "mlflow.data.context"
_TRAINING = ("train", "training")


@dataclass(frozen=True)
class UsedDataset:
    """A data set: its use (train or test), name, digest, and number of tracks; None when MLflow has no number."""

    use: str
    name: str
    digest: str
    tracks: int | None


def list_datasets(run: Run) -> tuple[UsedDataset, ...]:
    """Return the data sets of a run, those for training first; old runs name theirs only in tags."""
    logged = [_from_input(found) for found in run.inputs.dataset_inputs] if run.inputs else []
    if not any(found.use in _TRAINING for found in logged):
        logged = [*_from_tags(run.data.tags), *logged]
    return tuple(sorted(logged, key=lambda found: found.use not in _TRAINING))


def _from_input(found: DatasetInput) -> UsedDataset:
    use = next((tag.value for tag in found.tags if tag.key == _CONTEXT), "")
    names = label_datasets(found.dataset.name.split(" + "))
    return UsedDataset(use, names, found.dataset.digest, _count_tracks(found.dataset.profile))


def _from_tags(tags: dict[str, str]) -> Iterator[UsedDataset]:
    if "train.data" in tags:
        yield UsedDataset("train", label_datasets(tags.get("train.datasets", "").split()), tags["train.data"], None)


def _count_tracks(profile: str | None) -> int | None:
    try:
        document: Any = json.loads(profile or "{}")
        return int(document["tracks"])
    except (ValueError, TypeError, KeyError):
        return None


SHOWN, LIMIT = 10, 100
"""Versions that the page shows at once, and at most."""

_TEST_METRIC = re.compile(rf"test/([^/]+)/({'|'.join(METRICS)})")
_RUN_ID = re.compile(r"[\w-]+")


@dataclass(frozen=True)
class Version:
    """A registered version.

    registered    time of the registration, in milliseconds since 1970
    verdict       passed, refused, or empty
    taken_back    when and why a rollback took it back; not_approved: who refused it, and why
    scores        {target: {metric: dB}}
    test          the digest of the test tracks
    """

    number: int
    registered: int
    verdict: str
    rule: str
    reasons: str
    taken_back: str
    not_approved: str
    network: str
    commit: str
    lock: str
    run_id: str
    run_link: str
    link: str
    scores: Mapping[str, Mapping[str, float]]
    test: str
    datasets: tuple[UsedDataset, ...]


@dataclass(frozen=True)
class VersionsPart:
    """The newest versions: `shown` at once, `folded` on demand.

    older   the number of older versions, at most
    tests   the number of different test sets
    """

    targets: tuple[str, ...]
    shown: tuple[Version, ...]
    folded: tuple[Version, ...]
    older: int
    tests: int
    chart: Chart | None


def read_versions(stores: Stores, live: int) -> VersionsPart:
    """Return the registered versions, with version `live` pointed out in the chart; raises Unavailable without any."""
    name, store = stores.settings.required().name, stores.mlflow.required()
    with errors_as_notes("The registry"):
        found = store.client.search_model_versions(
            f"name = '{name}'", max_results=LIMIT, order_by=["version_number DESC"]
        )
        runs = _find_runs(store, [version.run_id for version in found])
    if not found:
        raise Unavailable("No model has been registered yet: `stemline run` trains and registers one.")
    versions = [_describe_version(store, version, runs.get(version.run_id)) for version in found]
    targets = tuple(dict.fromkeys(target for version in versions for target in version.scores))
    older = versions[-1].number - 1 if len(found) == LIMIT else 0
    tests = len({version.test for version in versions if version.test})
    chart = _chart(versions[::-1], targets, live)
    return VersionsPart(targets, tuple(versions[:SHOWN]), tuple(versions[SHOWN:]), older, tests, chart)


def read_test_scores(run: Run) -> dict[str, dict[str, float]]:
    """Return the model's scores on the test tracks, {target: {metric: dB}}, as evaluate logged them."""
    scores: dict[str, dict[str, float]] = {}
    for name, value in sorted(run.data.metrics.items(), reverse=True):  # vocals first
        if match := _TEST_METRIC.fullmatch(name):
            scores.setdefault(match[1], {})[match[2]] = float(value)
    return scores


def _find_runs(store: Mlflow, run_ids: Sequence[str | None]) -> dict[str, Run]:
    """Return the runs that exist, by id; one query gets them all."""
    wanted = {run_id for run_id in run_ids if run_id and _RUN_ID.fullmatch(run_id)}
    if not wanted:
        return {}
    listed = ", ".join(f"'{run_id}'" for run_id in sorted(wanted))
    runs = store.client.search_runs([store.experiment], f"attributes.run_id IN ({listed})", max_results=LIMIT)
    return {run.info.run_id: run for run in runs}


def _describe_version(store: Mlflow, version: ModelVersion, run: Run | None) -> Version:
    tags, run_id = version.tags, version.run_id or ""
    return Version(
        number=int(version.version),
        registered=int(version.creation_timestamp),
        verdict=tags.get("gate.verdict", ""),
        rule=tags.get("gate.rule", ""),
        reasons=tags.get("gate.reasons", ""),
        taken_back=tags.get(ROLLED_BACK_TAG, ""),
        not_approved=tags.get(REFUSED_TAG, ""),
        network=tags.get("network", ""),
        commit=tags.get("git_commit", ""),
        lock=tags.get("dvc_lock", ""),
        run_id=run_id,
        run_link=store.run_link(run_id),
        link=store.version_link(version.name, int(version.version)),
        scores=read_test_scores(run) if run else {},
        test=run.data.tags.get("evaluate.test_digest", "") if run else "",
        datasets=list_datasets(run) if run else (),
    )


def _chart(oldest_first: Sequence[Version], targets: Sequence[str], live: int) -> Chart | None:
    """Draw SDR by target over the versions; None when fewer than two have scores."""
    scored = [version for version in oldest_first if any("SDR" in scores for scores in version.scores.values())]
    if len(scored) <= 1:
        return None
    series = {
        target: [version.scores.get(target, {}).get("SDR", float("nan")) for version in scored] for target in targets
    }
    numbers = [float(version.number) for version in scored]
    marked = float(live) if numbers[0] <= live <= numbers[-1] else None
    return draw_chart("SDR of the versions", "dB", "versions", numbers, series, numbers[0], marked)
