"""The catalogues that were separated, the newest job first, as MLflow's runs of `separate` hold them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities import Run

from components.core.stores.store import S3
from components.report.sources.reading import Unavailable, link
from components.report.sources.stores import Mlflow, Stores, asking

SHOWN, LIMIT = 10, 100
"""Jobs that are in sight, and that are on the page at all."""

PAGE = "index.html"
"""The page that a job leaves at its destination."""

_NAN = float("nan")


@dataclass(frozen=True)
class Job:
    """A job; numbers are NaN where they are not known. `page` is the address of its own page, `page_link` leads there.

    `hours` and `cost` (of an hour) are of the audio separated by it, `catalogue_hours` of all; `when` is in ms.
    """

    when: int
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
    """The newest jobs, some in sight and some folded away; `more` says whether there are older ones."""

    shown: tuple[Job, ...]
    folded: tuple[Job, ...]
    more: bool


def read_jobs(stores: Stores, page_folder: Path) -> JobsPart:
    """Return the jobs for a page in `page_folder`; raises Unavailable when there is none."""
    store = stores.mlflow.required()
    with asking("The catalogue runs"):
        found = store.client.search_runs(
            [store.experiment], "tags.stage = 'separate'", max_results=LIMIT, order_by=["attributes.start_time DESC"]
        )
    if not found:
        raise Unavailable("No catalogue has been separated yet: `stemline separate` does.")
    jobs = tuple(_job(store, run, page_folder) for run in found)
    return JobsPart(jobs[:SHOWN], jobs[SHOWN:], bool(found.token))


def _job(store: Mlflow, run: Run, page_folder: Path) -> Job:
    params, tags, metrics = run.data.params, run.data.tags, run.data.metrics
    destination = params.get("separate.destination", "")

    def metric(name: str) -> float:
        return float(metrics.get(f"separate/{name}", _NAN))

    return Job(
        when=int(run.info.start_time),
        source=params.get("separate.source", ""),
        destination=destination,
        page=f"{destination.rstrip('/')}/{PAGE}" if destination else "",
        page_link=_link(destination, page_folder),
        model=_model(tags),
        stopped=tags.get("separate.stopped", ""),
        run_link=store.run_link(run.info.run_id),
        counts={name: metric(name) for name in ("listed", "done", "skipped", "quarantined", "failed", "later")},
        hours=metric("audio_hours"),
        catalogue_hours=metric("catalogue_seconds") / 3600,
        speed=metric("speed"),
        flagged=metric("flagged"),
        drift=metric("drift"),
        cost=metric("price_per_audio_hour") if metric("price_per_hour") else _NAN,
    )


def _model(tags: Mapping[str, str]) -> str:
    name, version = tags.get("model.name", "an unknown model"), tags.get("model.version", "")
    return f"{name}, version {version}" if version not in ("", "0", "None") else name


def _link(destination: str, page_folder: Path) -> str:
    """Return a link to the job's page, where it lies in a folder of this machine."""
    if not destination or destination.startswith(S3):
        return ""
    try:
        page = Path(destination).resolve() / PAGE
        return link(page, page_folder) if page.is_file() else ""
    except (OSError, ValueError):  # a name that no file can have
        return ""
