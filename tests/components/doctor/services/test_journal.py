"""The journal and a real registry: complete and consistent, and every kind of disagreement."""

import json
import shutil
import time
from pathlib import Path

import mlflow
import pytest

from components.core.release.journal import Journal, JournalEntry, open_journal
from components.core.tracking import mlflow_runs
from components.core.tracking.mlflow_address import tracking_uri
from components.doctor.finding import Finding
from components.doctor.services import journal as checked
from components.doctor.services.journal import check_journal
from tests.components.doctor.findings import by_subject
from tests.support.databases import new_mlflow_store

NAME = "voices"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which version 2 is live, after version 1."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "params.yaml").write_text(
        f"acquire: {{datasets: [folder]}}\nregister:\n  name: {NAME}\n"
        f"promote:\n  alias: champion\n  previous: previous\n  journal: {json.dumps(str(folder / 'promote'))}\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", new_mlflow_store(folder / "mlflow.db"))
        client = mlflow_runs.connect()
        client.create_registered_model(NAME)
        journal = open_journal(str(folder / "promote"))
        for version in (1, 2):
            client.create_model_version(NAME, "somewhere", tags={"sha256": f"weights {version}"})
            evidence = {"sha256": f"weights {version}"}
            entry = journal.append("promotion", NAME, version, "better", evidence, expected=version - 1)
            _follow(client, entry)
    return folder


def _follow(client: mlflow.MlflowClient, entry: JournalEntry) -> None:
    client.set_registered_model_alias(NAME, "champion", str(entry.version))
    client.set_registered_model_tag(NAME, "journal.entry", f"{entry.number} {entry.digest}")


@pytest.fixture
def project(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the template as the current folder; the environment points to it."""
    folder = tmp_path / "project"
    shutil.copytree(template, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
    monkeypatch.setenv("STEMLINE_JOURNAL", str(folder / "promote"))
    monkeypatch.setattr(checked, "SETTLING_SECONDS", 0.0)
    return folder


def _client() -> mlflow.MlflowClient:
    uri = tracking_uri()
    return mlflow.MlflowClient(uri, uri)


def _journal(project: Path) -> Journal:
    return open_journal(str(project / "promote"))


def _found() -> tuple[Finding, Finding]:
    found = by_subject(check_journal())
    return found["journal"], found["journal and registry"]


def test_check_journal_accepts_agreement_and_says_where_the_journal_lies(project: Path) -> None:
    journal, both = _found()
    assert (journal.status, both.status) == ("ok", "ok")
    assert journal.observation == f"{project / 'promote' / 'journal'} (STEMLINE_JOURNAL): 2 entries, whole"
    assert both.observation == f"version 2 of {NAME} is live"


def test_check_journal_warns_of_a_moved_alias_and_a_killed_promotion(project: Path) -> None:
    _client().set_registered_model_alias(NAME, "champion", "1")
    _, both = _found()
    assert both.status == "warning"
    assert "version 2 is live, and in the registry @champion is at version 1" in both.observation
    assert "stemline repair" in both.remedy
    _client().set_registered_model_alias(NAME, "champion", "2")
    _journal(project).append("rollback", NAME, 2, "adopted", {}, expected=2)
    _, both = _found()
    assert both.status == "warning"
    assert "does not follow entry 3" in both.observation


def test_check_journal_waits_for_a_promotion_under_way(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = _journal(project).append("rollback", NAME, 1, "hollow", {}, expected=2)
    monkeypatch.setattr(time, "sleep", lambda seconds: _follow(_client(), entry))
    _, both = _found()
    assert (both.status, both.observation) == ("ok", f"version 1 of {NAME} is live")


def test_check_journal_reports_what_blocks_a_promotion(project: Path) -> None:
    _client().set_model_version_tag(NAME, "2", "sha256", "others")
    _, both = _found()
    assert (both.status, "has one with other weights" in both.observation) == ("problem", True)
    (project / "promote" / "journal" / "000002.json").unlink()
    _, both = _found()
    assert (both.status, both.remedy) == ("problem", "restore the journal from a backup")
    shutil.rmtree(project / "promote")
    journal, both = _found()
    assert journal.observation.endswith("no entry yet")
    assert (both.status, "STEMLINE_JOURNAL" in both.remedy) == ("problem", True)


def test_check_journal_reports_another_registry_and_creates_none(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project / 'none.db'}")
    _, both = _found()
    assert both.status == "problem"
    assert "has no such version" in both.observation
    assert not (project / "none.db").exists()


def test_check_journal_reports_a_changed_entry(project: Path) -> None:
    (project / "promote" / "journal" / "000001.json").write_text("{}")
    (journal,) = by_subject(check_journal()).values()
    assert journal.status == "problem"
    assert "STEMLINE_JOURNAL says where it lies" in journal.remedy


def test_check_journal_without_mlflow_checks_only_the_journal(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    journal, both = _found()
    assert (journal.status, both.status) == ("ok", "not used")


def test_check_journal_before_the_first_promotion_is_ok(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(project / "promote")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project / 'none.db'}")
    _, both = _found()
    assert (both.status, both.observation) == ("ok", f"no version of {NAME} is live")
