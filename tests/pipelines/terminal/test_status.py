"""`stemline status`: the time of the promotion, and differences between journal and registry."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from components.core.release.journal import open_journal
from components.core.tracking import mlflow_runs
from pipelines.terminal.status import disagreement_lines, live_model_lines, live_since
from tests.support.databases import new_mlflow_store
from tests.support.source import ROOT


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("components.core.release.journal.SHARED", tmp_path)
    open_journal("books").append("promotion", "voices", 1, "better", {}, 0)
    return "books"


def test_live_since_gives_time_and_author_of_the_entry(journal: str) -> None:
    (entry,) = open_journal(journal).entries_of("voices")
    assert live_since(journal, "voices", 1) == f"live since {entry.time} (promotion by {entry.by})"


def test_live_since_gives_the_last_entry_after_a_rollback(journal: str) -> None:
    open_journal(journal).append("promotion", "voices", 2, "better", {}, 1)
    assert live_since(journal, "voices", 1).startswith("live by the alias alone")
    open_journal(journal).append("rollback", "voices", 1, "hollow", {}, 2)
    assert live_since(journal, "voices", 1).startswith("live since ")


def test_live_since_ignores_entries_of_other_models(journal: str) -> None:
    assert live_since(journal, "drums", 1).startswith("live by the alias alone")


def test_live_since_reports_a_damaged_journal(journal: str, tmp_path: Path) -> None:
    (tmp_path / "books" / "journal" / "000001.json").write_text("{")
    said = live_since(journal, "voices", 1)
    assert said.startswith("date unknown: ")
    assert "is damaged" in said


PARAMS = """
acquire: {datasets: [folder]}
register: {name: voices}
promote:
  alias: champion
  previous: previous
  journal: books
separate: {model: "models:/voices@champion"}
"""


@pytest.fixture
def registry(journal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry with two versions; the alias points to version 1, as in the journal."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", new_mlflow_store(tmp_path / "mlflow.db"))
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(PARAMS)
    client = mlflow_runs.connect()
    client.create_registered_model("voices")
    for _ in range(2):
        client.create_model_version("voices", "somewhere")
    client.set_registered_model_alias("voices", "champion", "1")
    (entry,) = open_journal(journal).entries_of("voices")
    client.set_registered_model_tag("voices", "journal.entry", f"{entry.number} {entry.digest}")


@pytest.mark.usefixtures("registry")
def test_status_names_a_promotion_that_was_killed_before_the_alias_moved(journal: str) -> None:
    assert disagreement_lines() == []
    open_journal(journal).append("promotion", "voices", 2, "better", {}, 1)
    (line,) = disagreement_lines()
    assert line.startswith("The journal says that version 2 is live, and in the registry @champion is at version 1")
    assert line.endswith("`stemline repair` makes them agree")
    assert "by hand" not in live_since(journal, "voices", 1)


@pytest.mark.usefixtures("registry")
def test_status_reports_a_damaged_journal_only_once(journal: str, tmp_path: Path) -> None:
    (tmp_path / "books" / "journal" / "000001.json").write_text("{")
    assert disagreement_lines() == []


def test_status_names_the_live_version_by_the_journal_when_mlflow_does_not_answer(
    journal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(PARAMS)
    with socket.create_server(("127.0.0.1", 0)) as closed_afterwards:
        port = closed_afterwards.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    live, outage = live_model_lines()
    assert live.startswith("by the journal alone: models:/voices/1, since ")
    assert outage == f"MLflow at http://127.0.0.1:{port} does not answer: nothing listens there (connection refused)"


def test_status_before_the_first_training_imports_no_mlflow_and_makes_no_store(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(PARAMS)
    code = (
        "import sys\nfrom pipelines.terminal.status import live_model_lines\n"
        "print(live_model_lines()[0], sorted({'mlflow', 'torch', 's3fs'} & sys.modules.keys()))"
    )
    environment = {"PYTHONPATH": str(ROOT), "STEMLINE_WORKSPACE": str(tmp_path / "workspace")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("no version of voices: `stemline run` trains one")
    assert done.stdout.endswith("[]\n")
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]
