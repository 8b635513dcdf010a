"""A command as a task on a real Prefect server: runs of deployments retry outages."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import httpx
import pytest
from prefect import flow
from prefect.logging import disable_run_logger

from components.core.base.errors import Outage, UserError
from components.core.base.step_command import AGAIN
from pipelines.processes.command import CommandError
from tests.support.prefect_server import prefect_harness

pytestmark = pytest.mark.slow

COUNT = "from pathlib import Path; tries = Path('tries'); tries.open('a').write('.'); n = tries.stat().st_size; "
AWAY_ONCE = f"{COUNT}print('stemline: no answer; {AGAIN}' if n == 1 else 'done'); raise SystemExit(75 * (n == 1))"
AWAY = f"{COUNT}print('stemline: no answer; {AGAIN}'); raise SystemExit(75)"
WRONG = f"{COUNT}print('stemline: no such file'); raise SystemExit(2)"


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The module, imported here so that its Prefect settings stay out of other tests."""
    with prefect_harness(tmp_path_factory.mktemp("prefect")) as patch:
        from pipelines.running import flow_runs, tasks

        patch.setattr(flow_runs, "RETRY_DELAYS", (0.1, 0.2))
        yield tasks


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set up a run of a deployment."""
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "7c1e0cf7-4f0c-4f6b-8f6f-5b0b6a4b0a11")


def _run_task(tasks: ModuleType, code: str, folder: Path) -> list[str]:
    @flow
    def flow_function() -> list[str]:
        lines: list[str] = tasks.run_as_task("count", [sys.executable, "-c", code], folder=folder)
        return lines

    return flow_function()


@pytest.mark.usefixtures("deployed")
def test_command_with_an_outage_is_started_again(tasks: ModuleType, tmp_path: Path) -> None:
    assert _run_task(tasks, AWAY_ONCE, tmp_path) == ["done"]
    assert (tmp_path / "tries").read_text() == ".."


@pytest.mark.usefixtures("deployed")
def test_command_with_a_lasting_outage_fails(tasks: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=f"count: no answer; {AGAIN}"):
        _run_task(tasks, AWAY, tmp_path)
    assert (tmp_path / "tries").read_text() == "..."


@pytest.mark.usefixtures("deployed")
def test_user_error_is_not_retried(tasks: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="count: no such file"):
        _run_task(tasks, WRONG, tmp_path)
    assert (tmp_path / "tries").read_text() == "."


def _run_request(errors: list[Exception]) -> str:
    """Run a flow whose request raises these errors one after the other; return its answer."""
    from pipelines.running.flow_runs import retry_outages

    def question() -> str:
        if errors:
            raise errors.pop(0)
        return "answer"

    @flow
    def asking() -> str:
        return retry_outages(question)

    return asking()


@pytest.mark.usefixtures("tasks", "deployed")
def test_requests_of_a_flow_are_retried() -> None:
    assert _run_request([httpx.ConnectError("gone"), Outage("the registry does not answer")]) == "answer"


@pytest.mark.usefixtures("tasks", "deployed")
@pytest.mark.parametrize("error", [CommandError(f"train: no answer; {AGAIN}"), UserError("no such file")])
def test_failed_steps_and_mistakes_are_not_retried(error: Exception) -> None:
    errors = [error, error]
    with pytest.raises(type(error)):
        _run_request(errors)
    assert len(errors) == 1


@pytest.mark.usefixtures("tasks", "deployed")
def test_flow_with_a_lasting_outage_raises_it() -> None:
    with pytest.raises(Outage, match="does not answer"):
        _run_request([Outage("the registry does not answer")] * 4)


@pytest.mark.usefixtures("tasks")
def test_flow_in_a_terminal_does_not_retry() -> None:
    with pytest.raises(Outage):
        _run_request([Outage("the registry does not answer")])


def test_command_in_a_terminal_is_not_retried(tasks: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="count: no answer"):
        _run_task(tasks, AWAY_ONCE, tmp_path)
    assert (tmp_path / "tries").read_text() == "."


def test_failed_state_has_one_line_for_an_outage(tasks: ModuleType) -> None:
    from pipelines.running.flow_runs import failed_state

    end = failed_state(httpx.ConnectError("all attempts failed"))
    assert end.is_failed()
    assert end.message == f"all attempts failed; {AGAIN}"
    with pytest.raises(ZeroDivisionError):
        failed_state(ZeroDivisionError())


@pytest.mark.usefixtures("tasks")
@pytest.mark.parametrize("said", ["costs: killed by signal 9", "x: costs: killed by signal 9"])
def test_failure_in_a_comparison_names_the_system_once(said: str) -> None:
    from pipelines.flows.comparison import catch_failure

    def work() -> None:
        raise CommandError(said)

    with disable_run_logger():
        assert catch_failure("x", work) == "x: costs: killed by signal 9"
        assert catch_failure("x", lambda: None) is None


@pytest.mark.usefixtures("tasks")
def test_two_comparisons_at_once_do_not_write_to_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.flows import comparison

    monkeypatch.setattr(comparison, "OUT", tmp_path / "compare")
    with (
        comparison.lock_results(),
        pytest.raises(UserError, match="another comparison is writing to"),
        comparison.lock_results(),
    ):
        pass
    with comparison.lock_results():  # the first has ended
        pass
