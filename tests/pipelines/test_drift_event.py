"""A catalogue unlike the training's music: an event tells of it, above the limit."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from prefect.events import Event
from prefect.events.clients import AssertingEventsClient
from prefect.events.worker import EventsWorker
from prefect.settings import PREFECT_API_URL, temporary_settings

Tell = Callable[[Path, float], list[Event]]


@pytest.fixture
def tell(tmp_path: Path) -> Iterator[Tell]:
    """Tell of a destination's drift; return the events that are emitted."""
    AssertingEventsClient.reset()
    EventsWorker.set_client_override(AssertingEventsClient)
    with (
        pytest.MonkeyPatch.context() as environment,
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}),  # nobody is there, and nobody asked
    ):
        environment.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
        from pipelines.catalogue import _tell_of_drift

        def told(destination: Path, limit: float) -> list[Event]:
            _tell_of_drift(str(destination), limit)
            EventsWorker.instance().drain()  # until all are out
            return [event for client in AssertingEventsClient.all for event in client.events]

        yield told
        EventsWorker.set_client_override(None)


def _summary(folder: Path, values: Mapping[str, Any]) -> Path:
    """Write what a job leaves in its destination."""
    (folder / "_stemline").mkdir(parents=True)
    (folder / "_stemline" / "summary.json").write_text(json.dumps(values), encoding="utf-8")
    return folder


def test_a_catalogue_over_the_limit_is_told(tell: Tell, tmp_path: Path) -> None:
    stems = _summary(tmp_path / "stems", {"listed": 3, "drift": 2.25})
    (event,) = tell(stems, 1.5)
    assert event.event == "stemline.catalogue.drift"
    assert event.resource.id == f"stemline.catalogue.{stems}"
    assert event.payload == {"drift": 2.25, "limit": 1.5, "catalogue": str(stems)}


@pytest.mark.parametrize("values", [{"drift": 1.49}, {"drift": 1.5}, {"drift": 0.0}, {"drift": None}, {"listed": 3}])
def test_below_the_limit_or_without_a_figure_nothing_is_told(
    tell: Tell, tmp_path: Path, values: Mapping[str, Any]
) -> None:
    assert tell(_summary(tmp_path / "stems", values), 1.5) == []


def test_a_destination_without_an_account_is_nothing_to_tell_of(tell: Tell, tmp_path: Path) -> None:
    (tmp_path / "stems").mkdir()
    assert tell(tmp_path / "stems", 0.0) == []
