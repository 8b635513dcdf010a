"""Flows retry their own requests to servers in runs of deployments."""

import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from prefect.client.schemas.objects import State
from prefect.logging import disable_run_logger
from prefect.states import Cancelled, Completed, Running, Scheduled

from components.core.base.errors import Outage
from components.core.data.comparison_documents import ComparisonSummary
from pipelines.running import flow_runs


class Unsteady:
    """A function that raises an outage on every other call."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self, *_: Any, **__: Any) -> Any:
        self.asked += 1
        if self.asked % 2:
            raise httpx.ConnectError("gone") if self.asked % 4 == 1 else Outage("the registry does not answer")
        return self.answers.pop(0)


@pytest.fixture(autouse=True)
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set up a run of a deployment, with short delays."""
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))

    monkeypatch.setattr(flow_runs, "RETRY_DELAYS", (0.01, 0.01))
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", str(uuid4()))
    with disable_run_logger():
        yield


def test_catalogue_waits_for_its_shards_during_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.flows import catalogue_separation

    states = Unsteady(SimpleNamespace(state=Running()), SimpleNamespace(state=Completed()))
    client = SimpleNamespace(read_flow_run=states)
    monkeypatch.setattr(catalogue_separation, "get_client", lambda **_: _Opened(client))
    monkeypatch.setattr(catalogue_separation, "POLL_SECONDS", 0.01)
    catalogue_separation.wait_for_shards([SimpleNamespace(id=uuid4(), name="shard 0")], (0.01,))  # type: ignore[list-item]
    assert states.asked == 4


def test_shards_that_no_worker_takes_are_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs that wait for their shards hold all slots of the pool."""
    from pipelines.flows import catalogue_separation

    cancelled = []
    first, second = uuid4(), uuid4()
    client = SimpleNamespace(
        read_flow_run=lambda run_id: SimpleNamespace(state=Scheduled() if run_id not in cancelled else Cancelled()),
        set_flow_run_state=lambda run_id, state: cancelled.append(run_id),
    )
    monkeypatch.setattr(catalogue_separation, "get_client", lambda **_: _Opened(client))
    monkeypatch.setattr(catalogue_separation, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(catalogue_separation, "LONGEST_WAIT_SECONDS", 0.1)
    catalogue_separation.wait_for_shards([SimpleNamespace(id=run_id, name="shard") for run_id in (first, second)], ())  # type: ignore[misc]
    assert cancelled == [first, second]


def test_waiting_continues_while_a_worker_has_a_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.flows import catalogue_separation

    busy = uuid4()
    looks: Iterator[State[Any]] = iter([*[Running() for _ in range(40)], Completed()])
    done: list[bool] = []

    def read(run_id: UUID) -> SimpleNamespace:
        if run_id == busy:
            state = next(looks)
            done.append(state.is_final())
            return SimpleNamespace(state=state)
        return SimpleNamespace(state=Completed() if any(done) else Scheduled())

    monkeypatch.setattr(catalogue_separation, "get_client", lambda **_: _Opened(SimpleNamespace(read_flow_run=read)))
    monkeypatch.setattr(catalogue_separation, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(catalogue_separation, "LONGEST_WAIT_SECONDS", 0.1)
    catalogue_separation.wait_for_shards([SimpleNamespace(id=run_id, name="shard") for run_id in (busy, uuid4())], ())  # type: ignore[misc]
    assert len(done) == 41


def test_waiting_names_the_shards_and_their_states(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from pipelines.flows import catalogue_separation

    looks: Iterator[State[Any]] = iter([Running(), Scheduled(), Completed(), Completed()])
    client = SimpleNamespace(read_flow_run=lambda run_id: SimpleNamespace(state=next(looks)))
    monkeypatch.setattr(catalogue_separation, "get_client", lambda **_: _Opened(client))
    monkeypatch.setattr(catalogue_separation, "get_run_logger", lambda: logging.getLogger("shards"))
    monkeypatch.setattr(catalogue_separation, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(catalogue_separation, "REPORT_SECONDS", 0.0)
    shards = [SimpleNamespace(id=uuid4(), name=name) for name in ("otter", "buffalo")]
    with caplog.at_level("INFO", "shards"):
        catalogue_separation.wait_for_shards(shards, ())  # type: ignore[arg-type]
    [waiting] = [message for message in caplog.messages if message.startswith("waiting for")]
    assert "2 shards: otter (Running), buffalo (Scheduled)" in waiting


def test_requests_of_a_catalogue_are_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.flows import catalogue_separation

    asked = {name: Unsteady(None) for name in ("check_pool", "deploy_shards", "publish_counts", "send_drift_event")}
    for name, unsteady in asked.items():
        monkeypatch.setattr(catalogue_separation, name, unsteady)
    started = Unsteady("first", "second")
    monkeypatch.setattr(catalogue_separation, "start_shard", started)
    monkeypatch.setattr(catalogue_separation, "cut_catalogue", lambda *_: 2)
    monkeypatch.setattr(catalogue_separation, "wait_for_shards", lambda runs, waits: None)
    monkeypatch.setattr(catalogue_separation, "run_shards_command", lambda *_: ["separate: 2 = 2 done"])
    end = catalogue_separation.separate_catalogue.fn("songs", "stems", "pool")
    assert end.is_completed()
    assert {name: found.asked for name, found in asked.items()} == dict.fromkeys(asked, 2)
    assert started.asked == 4


def test_requests_of_the_whole_pipeline_are_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.flows import vocal_isolation as whole
    from pipelines.running.project_stages import ProjectFolder

    trained, live = Unsteady(None), Unsteady(3)
    monkeypatch.setattr(whole, "train_and_judge", trained)
    monkeypatch.setattr(whole, "live_version", live)
    monkeypatch.setattr(whole, "registered_version", lambda place: SimpleNamespace(name="voices"))
    monkeypatch.setattr(whole, "champion_alias", lambda place: "champion")
    monkeypatch.setattr(ProjectFolder, "run_step", lambda *_, **__: [])
    end = whole.vocal_isolation.fn("songs", "stems")
    assert end.is_completed()
    assert (trained.asked, live.asked) == (2, 2)


def test_publishing_a_comparison_is_retried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.flows import comparison

    made = Unsteady(None)
    monkeypatch.setattr(comparison, "OUT", tmp_path)
    monkeypatch.setattr(comparison, "run_as_task", lambda *_: [])
    monkeypatch.setattr(comparison, "create_markdown_artifact", made)
    (tmp_path / "comparison.md").write_text("# All systems")
    monkeypatch.setattr(ComparisonSummary, "read", lambda _: SimpleNamespace(failed={}))
    comparison.make_table([])
    assert made.asked == 2


class _Opened:
    """A context manager that yields a client."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __enter__(self) -> Any:
        return self.client

    def __exit__(self, *_: object) -> None:
        """Do nothing."""
