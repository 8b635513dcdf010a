"""A catalogue unlike the training's music: an event tells of it, above the limit."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from prefect_server import Receiver

Tell = Callable[[Path, float], list[dict[str, Any]]]


@pytest.fixture
def tell(tmp_path: Path) -> Iterator[Tell]:
    """Tell a server of a destination's drift; return the events that it was sent."""
    receiver = Receiver()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
        from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_CSRF_SUPPORT_ENABLED, temporary_settings

        from pipelines.catalogue import _tell_of_drift

        def told(destination: Path, limit: float) -> list[dict[str, Any]]:
            _tell_of_drift(str(destination), limit)
            return [event for body in receiver.bodies for event in json.loads(body)]

        settings = {PREFECT_API_URL: f"{receiver.address}/api", PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: False}
        with temporary_settings(settings):
            yield told
    assert set(receiver.paths) <= {"/api/events"}
    receiver.stop()


def _summary(folder: Path, values: Mapping[str, Any]) -> Path:
    """Write what a job leaves in its destination."""
    (folder / "_stemline").mkdir(parents=True)
    (folder / "_stemline" / "summary.json").write_text(json.dumps(values), encoding="utf-8")
    return folder


def test_a_catalogue_over_the_limit_is_told(tell: Tell, tmp_path: Path) -> None:
    stems = _summary(tmp_path / "stems", {"listed": 3, "drift": 2.25})
    (event,) = tell(stems, 1.5)
    assert event["event"] == "stemline.catalogue.drift"
    assert event["resource"] == {"prefect.resource.id": f"stemline.catalogue.{stems}"}
    assert event["payload"] == {"drift": 2.25, "limit": 1.5, "catalogue": str(stems)}


@pytest.mark.parametrize("values", [{"drift": 1.49}, {"drift": 1.5}, {"drift": 0.0}, {"drift": None}, {"listed": 3}])
def test_below_the_limit_or_without_a_figure_nothing_is_told(
    tell: Tell, tmp_path: Path, values: Mapping[str, Any]
) -> None:
    assert tell(_summary(tmp_path / "stems", values), 1.5) == []


def test_a_destination_without_an_account_is_nothing_to_tell_of(tell: Tell, tmp_path: Path) -> None:
    (tmp_path / "stems").mkdir()
    assert tell(tmp_path / "stems", 0.0) == []
