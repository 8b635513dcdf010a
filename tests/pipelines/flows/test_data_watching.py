"""`watch-data` on a real Prefect server: its result, and the event after a change."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.states import Completed, Running

from tests.support.prefect_server import prefect_harness
from tests.support.source import ROOT

pytestmark = pytest.mark.slow

Look = Callable[[Path], State[Any]]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The flow's module, imported here so that its Prefect settings stay out of other tests."""
    with prefect_harness(tmp_path_factory.mktemp("prefect")):
        from pipelines.flows import data_watching

        yield data_watching


@pytest.fixture
def watching(served: ModuleType, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(served, "WORKSPACE", workspace)
    return served


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    (folder / "Band").mkdir(parents=True)
    (folder / "Band" / "song.wav").write_bytes(b"sound")
    return folder


@pytest.fixture
def look(watching: ModuleType) -> Look:
    """Return a function that runs the flow and returns its final state."""

    def run(folder: Path) -> State[Any]:
        state: State[Any] = watching.watch_data(str(folder), return_state=True)
        return state

    return run


def _marks(workspace: Path) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in (workspace / "watch").glob("*")]


def _events(about: Path) -> list[dict[str, Any]]:
    """Return the server's events about a change in the folder."""
    wanted = {"filter": {"event": {"name": ["stemline.data.changed"]}, "resource": {"id": [f"stemline.data.{about}"]}}}
    with get_client(sync_client=True) as client:
        found: list[dict[str, Any]] = client.request("POST", "/events/filter", json=wanted).json()["events"]
    return found


def _events_in_time(about: Path) -> list[dict[str, Any]]:
    """Wait: the server stores events some seconds later."""
    deadline = time.monotonic() + 60
    while not (found := _events(about)):
        assert time.monotonic() < deadline, "no event came"
        time.sleep(0.2)
    return found


def test_only_a_change_sends_an_event(look: Look, music: Path, workspace: Path) -> None:
    first = look(music)
    assert (first.name, first.message) == ("Completed", "1 files, seen for the first time")
    (mark,) = _marks(workspace)
    again = look(music)
    assert (again.name, again.message) == ("Unchanged", "1 files, as before")
    assert again.is_completed()
    assert _marks(workspace) == [mark]
    (music / "Band" / "more.flac").write_bytes(b"more sound")
    changed = look(music)
    assert (changed.name, changed.message) == ("Completed", "2 files, changed")
    assert _marks(workspace) != [mark]
    assert look(music).name == "Unchanged"
    (event,) = _events_in_time(music)
    assert event["payload"] == {"source": str(music)}


def test_change_during_a_retraining_sends_its_event_afterwards(look: Look, music: Path, workspace: Path) -> None:
    look(music)
    before = _marks(workspace)
    (music / "tracks.csv").write_text("track,genre\nBand,folk\n")
    with _a_retraining():
        deferred = look(music)
        assert (deferred.name, deferred.message) == (
            "Deferred",
            "2 files, changed: the event waits for the retraining that runs",
        )
        assert _marks(workspace) == before
    assert look(music).message == "2 files, changed"
    assert len(_events_in_time(music)) == 1


@contextmanager
def _a_retraining() -> Iterator[None]:
    """Start a run of a deployment of the flow, as on a worker."""
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow_from_name("retrain")
        deployment = client.create_deployment(flow_id, "scheduled")
        run = client.create_flow_run_from_deployment(deployment, state=Running())
        try:
            yield
        finally:
            client.set_flow_run_state(run.id, Completed(), force=True)


def test_watch_without_a_source_watches_the_data_of_the_training(
    watching: ModuleType, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["acquire"]
    values |= {"datasets": ["folder"], "folder": "music"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"acquire": values}), encoding="utf-8")
    state: State[Any] = watching.watch_data(return_state=True)
    assert state.message == "1 files, seen for the first time"
    (music / "Band" / "more.wav").write_bytes(b"more sound")
    state = watching.watch_data(return_state=True)
    assert state.message == "2 files, changed"
    (event,) = _events_in_time(Path("music"))
    assert event["payload"] == {"source": "music"}


def test_replaced_recording_is_a_change(look: Look, music: Path) -> None:
    look(music)
    (music / "Band" / "song.wav").write_bytes(b"another sound")
    assert look(music).message == "1 files, changed"
    (music / "Band" / "song.wav").unlink()
    assert look(music).message == "0 files, changed"


def test_each_folder_has_its_own_record(look: Look, music: Path, workspace: Path) -> None:
    look(music)
    assert look(music / "Band").message == "1 files, seen for the first time"
    assert len(_marks(workspace)) == 2


def test_missing_folder_fails_with_one_line(look: Look, tmp_path: Path, workspace: Path) -> None:
    state = look(tmp_path / "nowhere")
    assert state.is_failed()
    assert state.message is not None
    assert str(tmp_path / "nowhere") in state.message
    assert "\n" not in state.message
    assert _marks(workspace) == []


def test_unsent_event_is_sent_the_next_time(
    look: Look, music: Path, workspace: Path, watching: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send_nothing(*_: object, **__: object) -> None:
        raise OSError("the server is away")

    look(music)
    before = _marks(workspace)
    (music / "Band" / "more.wav").write_bytes(b"more sound")
    with monkeypatch.context() as broken:
        broken.setattr(watching, "send_event", send_nothing)
        assert not look(music).is_completed()
    assert _marks(workspace) == before
    assert look(music).message == "2 files, changed"
    assert len(_events_in_time(music)) == 1
