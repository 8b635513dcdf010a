"""Clocks: differences to the servers."""

import time
from email.utils import formatdate
from importlib import metadata

import pytest

from components.doctor.services.clock import check_clock
from tests.components.doctor.findings import statuses
from tests.support.http_server import serve_answers

MLFLOW, PREFECT = metadata.version("mlflow"), metadata.version("prefect")
UNREACHABLE = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("ahead", "status"), [(0.0, "ok"), (-1.0, "ok"), (5.0, "warning"), (-90.0, "warning"), (-4000.0, "problem")]
)
def test_check_clock_judges_the_difference(ahead: float, status: str) -> None:
    with serve_answers({}, formatdate(time.time() + ahead, usegmt=True)) as address:
        (found,) = check_clock({"AWS_ENDPOINT_URL": address})
    assert found.status == status
    assert ("behind" in found.observation) == (ahead > 0) or not ahead


def test_check_clock_without_a_date_is_not_used() -> None:
    with serve_answers({}, "yesterday") as address:
        assert statuses(check_clock({"PREFECT_API_URL": address})) == {"clock": "not used"}
    assert statuses(check_clock({"PREFECT_API_URL": UNREACHABLE})) == {"clock": "not used"}
    assert statuses(check_clock({"MLFLOW_TRACKING_URI": "sqlite:///x.db"})) == {"clock": "not used"}
