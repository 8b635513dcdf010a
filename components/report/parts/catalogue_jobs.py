"""The catalogues that were separated: the MLflow runs of the step `separate`, the newest first."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities import Run

from components.core.stores.store import S3
from components.report.sources.step_files import Unavailable, relative_link
from components.report.sources.stores import Mlflow, Stores, errors_as_notes

SHOWN, LIMIT = 10, 100
"""Jobs that the page shows at once, and at most; the others are in MLflow."""

JOB_PAGE = "index.html"
"""The page that a job writes to its destination."""

_NAN = float("nan")


@dataclass(frozen=True)
class Job:
    """A job; an unknown number is NaN.

    started          start of the job, in milliseconds since 1970
    page, page_link  the address of the job's own page, and the link to it when it lies on this machine
    counts           recordings by outcome
    hours            audio that the job separated
    catalogue_hours  audio of the whole catalogue
    speed            seconds of audio per second
    flagged          recordings that a person should listen to
    drift            the catalogue's distance from the training data
    cost             cost of an hour of audio
    """

    started: int
    source: str
    destination: str
    page: str
    page_link: str
    model: str
    stopped: str
    run_link: str
    counts: Mapping[str, float]
    hours: float
    catalogue_hours: float
    speed: float
    flagged: float
    drift: float
    cost: float


@dataclass(frozen=True)
class JobsPart:
    """The newest jobs: `shown` at once, `folded` on demand; `more` says whether MLflow has older ones."""

    shown: tuple[Job, ...]
    folded: tuple[Job, ...]
    more: bool


def read_jobs(stores: Stores, page_folder: Path) -> JobsPart:
    """Return the jobs for a page in `page_folder`; raises Unavailable when there is none."""
    store = stores.mlflow.required()
    with errors_as_notes("The catalogue runs"):
        found = store.client.search_runs(
            [store.catalogues, store.experiment],  # older jobs stand among the trainings
            "tags.stage = 'separate'",
            max_results=LIMIT,
            order_by=["attributes.start_time DESC"],
        )
    if not found:
        raise Unavailable("No catalogue has been separated yet: `stemline separate` does it.")
    jobs = tuple(_job(store, run, page_folder) for run in found)
    return JobsPart(jobs[:SHOWN], jobs[SHOWN:], bool(found.token))


def _job(store: Mlflow, run: Run, page_folder: Path) -> Job:
    params, tags, metrics = run.data.params, run.data.tags, run.data.metrics
    destination = params.get("separate.destination", "")

    def metric(name: str) -> float:
        return float(metrics.get(f"separate/{name}", _NAN))

    return Job(
        started=int(run.info.start_time),
        source=params.get("separate.source", ""),
        destination=destination,
        page=f"{destination.rstrip('/')}/{JOB_PAGE}" if destination else "",
        page_link=_link_page(destination, page_folder),
        model=_describe_model(tags),
        stopped=tags.get("separate.stopped", ""),
        run_link=store.run_link(run.info.run_id, run.info.experiment_id),
        counts={name: metric(name) for name in ("listed", "done", "skipped", "quarantined", "failed", "later")},
        hours=metric("audio_hours"),
        catalogue_hours=metric("catalogue_seconds") / 3600,
        speed=metric("speed"),
        flagged=metric("flagged"),
        drift=metric("drift"),
        cost=metric("price_per_audio_hour") if metric("price_per_hour") else _NAN,
    )


def _describe_model(tags: Mapping[str, str]) -> str:
    name, version = tags.get("model.name", "an unknown model"), tags.get("model.version", "")
    return f"{name}, version {version}" if version not in ("", "0", "None") else name


def _link_page(destination: str, page_folder: Path) -> str:
    """Return a link to the job's page; empty when it is not in a folder of this machine."""
    if not destination or destination.startswith(S3):
        return ""
    try:
        page = Path(destination).resolve() / JOB_PAGE
        return relative_link(page, page_folder) if page.is_file() else ""
    except (OSError, ValueError):  # not a valid file name
        return ""
