"""The journal and the registry, real ones: whole and agreeing, and every way in which they are not."""

import json
import shutil
import time
from pathlib import Path

import mlflow
import pytest

from components.core.release.journal import Entry, Journal, open_journal
from components.core.tracking import mlflow_runs
from components.core.tracking.mlflow_store import tracking_uri
from components.doctor.finding import Finding
from components.doctor.services import journal as checked
from components.doctor.services.journal import check_journal
from tests.components.doctor.seeing import by_name

NAME = "voices"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which version 2 is live, after version 1."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "params.yaml").write_text(
        f"register:\n  name: {NAME}\n"
        f"promote:\n  alias: champion\n  previous: previous\n  journal: {json.dumps(str(folder / 'promote'))}\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        client = mlflow_runs.connect()
        client.create_registered_model(NAME)
        journal = open_journal(str(folder / "promote"))
        for version in (1, 2):
            client.create_model_version(NAME, "somewhere", tags={"sha256": f"weights {version}"})
            evidence = {"sha256": f"weights {version}"}
            entry = journal.append("promotion", NAME, version, "better", evidence, expected=version - 1)
            _follow(client, entry)
    return folder


def _follow(client: mlflow.MlflowClient, entry: Entry) -> None:
    client.set_registered_model_alias(NAME, "champion", str(entry.version))
    client.set_registered_model_tag(NAME, "journal.entry", f"{entry.number} {entry.digest}")


@pytest.fixture
def project(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, to which the variables point, and this process in it."""
    folder = tmp_path / "project"
    shutil.copytree(template, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
    monkeypatch.setenv("STEMLINE_JOURNAL", str(folder / "promote"))
    monkeypatch.setattr(checked, "_MOMENT", 0.0)
    return folder


def _client() -> mlflow.MlflowClient:
    uri = tracking_uri()
    return mlflow.MlflowClient(uri, uri)


def _journal(project: Path) -> Journal:
    return open_journal(str(project / "promote"))


def _found() -> tuple[Finding, Finding]:
    found = by_name(check_journal())
    return found["journal"], found["journal and registry"]


def test_what_agrees_is_fine_and_it_is_said_where_the_journal_lies(project: Path) -> None:
    journal, both = _found()
    assert (journal.status, both.status) == ("ok", "ok")
    assert journal.seen == f"{project / 'promote' / 'journal'} (STEMLINE_JOURNAL): 2 entries, whole"
    assert both.seen == f"version 2 of {NAME} is live"


def test_an_alias_moved_by_hand_and_a_promotion_that_was_killed_may_be_repaired(project: Path) -> None:
    _client().set_registered_model_alias(NAME, "champion", "1")
    _, both = _found()
    assert both.status == "warning"
    assert "version 2 is live, and in the registry @champion is at version 1" in both.seen
    assert "stemline repair" in both.do
    _client().set_registered_model_alias(NAME, "champion", "2")
    _journal(project).append("rollback", NAME, 2, "adopted", {}, expected=2)
    _, both = _found()
    assert both.status == "warning"
    assert "does not stand for entry 3" in both.seen


def test_a_promotion_that_is_under_way_is_no_finding(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = _journal(project).append("rollback", NAME, 1, "hollow", {}, expected=2)
    monkeypatch.setattr(time, "sleep", lambda seconds: _follow(_client(), entry))
    _, both = _found()
    assert (both.status, both.seen) == ("ok", f"version 1 of {NAME} is live")


def test_what_no_promotion_gets_past_is_a_problem(project: Path) -> None:
    _client().set_model_version_tag(NAME, "2", "sha256", "others")
    _, both = _found()
    assert (both.status, "has one with other weights" in both.seen) == ("problem", True)
    (project / "promote" / "journal" / "000002.json").unlink()
    _, both = _found()
    assert (both.status, both.do) == ("problem", "restore the journal from a backup")
    shutil.rmtree(project / "promote")
    journal, both = _found()
    assert journal.seen.endswith("no entry yet")
    assert (both.status, "STEMLINE_JOURNAL" in both.do) == ("problem", True)


def test_another_registry_is_a_problem_and_none_is_made(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project / 'none.db'}")
    _, both = _found()
    assert both.status == "problem"
    assert "has no such version" in both.seen
    assert not (project / "none.db").exists()


def test_a_changed_entry_is_a_problem(project: Path) -> None:
    (project / "promote" / "journal" / "000001.json").write_text("{}")
    (journal,) = by_name(check_journal()).values()
    assert journal.status == "problem"
    assert "STEMLINE_JOURNAL says where it lies" in journal.do


def test_without_a_registry_that_works_only_the_journal_is_looked_at(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    journal, both = _found()
    assert (journal.status, both.status) == ("ok", "not used")


def test_before_anything_is_live_nothing_is_wrong(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(project / "promote")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project / 'none.db'}")
    _, both = _found()
    assert (both.status, both.seen) == ("ok", f"no version of {NAME} is live")
