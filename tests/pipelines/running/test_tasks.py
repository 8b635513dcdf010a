"""A command as a task on a real Prefect server: what waiting cures is started again, in runs that nobody watches."""

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
    """The module, imported here since its settings of Prefect would go on to all other tests."""
    with prefect_harness(tmp_path_factory.mktemp("prefect")) as patch:
        from pipelines.running import retries, tasks

        patch.setattr(retries, "RETRY_DELAYS", (0.1, 0.2))
        yield tasks


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a run of a deployment."""
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "7c1e0cf7-4f0c-4f6b-8f6f-5b0b6a4b0a11")


def _carried_out(tasks: ModuleType, code: str, folder: Path) -> list[str]:
    @flow
    def asked() -> list[str]:
        lines: list[str] = tasks.run_as_task("count", [sys.executable, "-c", code], folder=folder)
        return lines

    return asked()


@pytest.mark.usefixtures("deployed")
def test_what_did_not_get_an_answer_is_started_again(tasks: ModuleType, tmp_path: Path) -> None:
    assert _carried_out(tasks, AWAY_ONCE, tmp_path) == ["done"]
    assert (tmp_path / "tries").read_text() == ".."


@pytest.mark.usefixtures("deployed")
def test_it_gives_up_in_the_end(tasks: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=f"count: no answer; {AGAIN}"):
        _carried_out(tasks, AWAY, tmp_path)
    assert (tmp_path / "tries").read_text() == "..."


@pytest.mark.usefixtures("deployed")
def test_a_mistake_is_not_tried_again(tasks: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="count: no such file"):
        _carried_out(tasks, WRONG, tmp_path)
    assert (tmp_path / "tries").read_text() == "."


def _asked(errors: list[Exception]) -> str:
    """What a flow's own question returns that fails with one error after the other, as long as there are any."""
    from pipelines.running.retries import retry_outages

    def question() -> str:
        if errors:
            raise errors.pop(0)
        return "answer"

    @flow
    def asking() -> str:
        return retry_outages(question)

    return asking()


@pytest.mark.usefixtures("tasks", "deployed")
def test_a_flows_own_questions_are_asked_again() -> None:
    assert _asked([httpx.ConnectError("gone"), Outage("the registry does not answer")]) == "answer"


@pytest.mark.usefixtures("tasks", "deployed")
@pytest.mark.parametrize("error", [CommandError(f"train: no answer; {AGAIN}"), UserError("no such file")])
def test_what_was_tried_again_or_is_a_mistake_is_not(error: Exception) -> None:
    errors = [error, error]
    with pytest.raises(type(error)):
        _asked(errors)
    assert len(errors) == 1


@pytest.mark.usefixtures("tasks", "deployed")
def test_a_flow_gives_up_in_the_end_with_what_it_asked() -> None:
    with pytest.raises(Outage, match="does not answer"):
        _asked([Outage("the registry does not answer")] * 4)


@pytest.mark.usefixtures("tasks")
def test_a_flow_that_somebody_watches_asks_once() -> None:
    with pytest.raises(Outage):
        _asked([Outage("the registry does not answer")])


def test_a_person_who_waits_is_told_at_once(tasks: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="count: no answer"):
        _carried_out(tasks, AWAY_ONCE, tmp_path)
    assert (tmp_path / "tries").read_text() == "."


def test_a_flow_ends_in_one_line_where_a_user_can_mend_it(tasks: ModuleType) -> None:
    from pipelines.running.flow_runs import failed_state

    end = failed_state(httpx.ConnectError("all attempts failed"))
    assert end.is_failed()
    assert end.message == f"all attempts failed; {AGAIN}"
    with pytest.raises(ZeroDivisionError):
        failed_state(ZeroDivisionError())


@pytest.mark.usefixtures("tasks")
@pytest.mark.parametrize("said", ["costs: killed by signal 9", "x: costs: killed by signal 9"])
def test_what_fails_in_a_comparison_is_a_line_that_names_the_system_once(said: str) -> None:
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
