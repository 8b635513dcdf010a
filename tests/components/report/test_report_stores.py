"""The page about MLflow and the journal: real ones, empty ones, and ones that disagree, are damaged or down."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from components.core.release.journal import open_journal
from components.core.release.version import REFUSED_TAG
from components.core.tracking import mlflow_runs
from components.promote.config import PromoteConfig
from components.promote.journal_and_aliases import LiveModel
from components.report.drawing.formatting import count, hours, shorten, timestamp, with_code
from components.report.parts import catalogue_jobs, live_model, versions
from components.report.parts.versions import list_datasets
from components.report.report import write_report
from components.report.sources.stores import open_stores, web_address
from tests.components.report.report_stores import NAME, STRANGE, log_catalogue, make_live, make_project, train_version
from tests.components.report.report_workspace import Page
from tests.support.databases import new_mlflow_store
from tests.support.http_server import serve_answers
from tests.support.tiny_models import environment, run_python

pytestmark = pytest.mark.slow

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two catalogues and three versions: the second was refused, the third is live."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", new_mlflow_store(folder / "mlflow" / "mlflow.db"))
        client, config = mlflow_runs.connect(), make_project(folder)
        train_version(client, 0.0)
        make_live(client, config, 1, 0, "first champion: vocals: +9 dB")
        train_version(client, -1.0, "refused", STRANGE)
        train_version(client, 0.5)
        make_live(client, config, 3, 1, f"against champion 1: {STRANGE}")
        log_catalogue(client, "s3://label/masters", "s3://label/stems", mlflow_runs.EXPERIMENT)  # as older versions did
        log_catalogue(client, STRANGE, STRANGE)
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, as the current folder."""
    folder = tmp_path / "copy"
    shutil.copytree(made, folder)
    make_project(folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", _store(folder))
    return folder


def _store(folder: Path) -> str:
    return f"sqlite:///{folder / 'mlflow' / 'mlflow.db'}"


def _config(project: Path) -> PromoteConfig:
    return PromoteConfig(alias="champion", previous="previous", journal=str(project / "promote"))


def _page(project: Path) -> Page:
    return Page(write_report(project / "workspace", project / "workspace" / "separate", project / "out"))


def test_page_shows_the_stores_without_a_run_in_the_workspace(project: Path) -> None:
    page = _page(project)
    entry = open_journal(_config(project).journal).entries()[-1]
    expected = (
        *(f"Version 3 of {NAME} is live", f"Since {timestamp(entry.time)}, by promotion", entry.by, "version 1"),
        *(
            'stemline rollback --to 1 --why "…"',
            "25 test tracks of MUSDB18-7",
            "5.00",
            "3.75 to 7.36",
            "−5.38",
            "10.10",
        ),
        *("refused", "vocals: +9.41 dB", "c0ffeec0ffee", "10c410c410c4", "live version"),
        *("123 = 100 done + 20 skipped + 2 quarantined + 1 failed", "6.5 h", "of 7.5 h", "36.9 ×", "0.84", "0.0407"),
        *("s3://label/stems/index.html", "MUSDB18-7 (7-second excerpts) + mir-1k", "a5a5a5a5a5a5"),
        "No model has been registered yet: register and gate have not run.",
    )
    for text in expected:
        assert re.sub(r"\s+", " ", text) in page.text, text
    assert "stemline repair" not in page.text
    assert page.tags.count("polyline") == 2


def test_page_escapes_text_of_the_stores(project: Path) -> None:
    page = _page(project)
    assert page.text.count(STRANGE) >= 4  # a reason of the gate, a why (twice), a catalogue's source
    assert "<b id=injected>" not in page.source


def test_page_has_captions_and_headings_in_order(project: Path) -> None:
    page = _page(project)
    assert page.tags.count("table") == page.tags.count("caption") >= 5
    headings = re.findall(r"<h(\d)", page.source)
    assert headings.count("1") == 1
    assert all(int(later) - int(earlier) <= 1 for earlier, later in pairwise(headings))
    assert not re.search(r"<th(?![^>]*scope=)[ >]", page.source)


def test_page_is_the_same_to_the_byte_for_the_same_stores(project: Path) -> None:
    page = write_report(project / "workspace", project / "none", project / "out")
    first = page.read_bytes()
    assert write_report(project / "workspace", project / "none", project / "out").read_bytes() == first


def test_page_reports_an_alias_moved_by_hand(project: Path) -> None:
    client = mlflow_runs.connect()
    client.set_registered_model_alias(NAME, "champion", "2")
    text = _page(project).text
    assert f"The live version of {NAME} is uncertain: version 3 or version 2" in text
    assert "in the registry @champion is at version 2" in text
    assert "stemline repair makes them agree" in text
    client.delete_registered_model_alias(NAME, "champion")
    text = _page(project).text
    assert f"The live version of {NAME} is uncertain: version 3 or none" in text
    assert "the registry has lost @champion" in text


def test_page_reports_a_missing_last_entry(project: Path) -> None:
    (project / "promote" / "journal" / "000002.json").unlink()
    mlflow_runs.connect().set_registered_model_alias(NAME, "champion", "1")
    text = _page(project).text
    assert f"Version 1 of {NAME} is live" in text
    assert "The registry follows entry 2 of the journal, which is missing or was replaced" in text


def test_page_reports_an_alias_without_a_journal(project: Path) -> None:
    shutil.rmtree(project / "promote")
    text = _page(project).text
    assert f"Version 3 of {NAME} is live" in text
    assert "The journal has no entry about the model, and the registry follows entry 2 of another journal" in text
    assert "The journal is empty" in text


def test_page_reports_a_damaged_journal(project: Path) -> None:
    (project / "promote" / "journal" / "000001.json").write_text("{")
    text = _page(project).text
    assert f"Version 3 of {NAME} is live" in text
    assert "It is unknown since when, by whom and why it is live" in text
    assert "restore the journal from a backup" in text


def test_page_after_a_rollback_offers_to_go_back_further(project: Path) -> None:
    client, config = mlflow_runs.connect(), _config(project)
    model = LiveModel(client, config, NAME, open_journal(config.journal))
    model.make_live("rollback", 1, "hollow voices", {}, 3)
    text = _page(project).text
    assert "rollback of version 1" in text
    assert "makes the version before this one live" in text
    assert "Taken back: " in text


def test_page_says_who_refused_a_version(project: Path) -> None:
    mlflow_runs.connect().set_model_version_tag(NAME, "2", REFUSED_TAG, "Ann on 2026-11-28: hollow voices")
    assert "Refused by Ann on 2026-11-28: hollow voices" in _page(project).text


def test_page_creates_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", _store(tmp_path))
    text = _page(tmp_path).text
    assert f"No version of {NAME} is live. stemline separate takes the shipped model" in text
    assert "MLflow holds nothing yet" in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "params.yaml"]


def test_page_of_empty_stores_has_plain_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", _store(tmp_path))
    mlflow_runs.connect()
    text = _page(tmp_path).text
    for sentence in (
        f"No version of {NAME} is live. stemline separate takes the shipped model",
        "No model has been registered yet",
        "No catalogue has been separated yet",
        "The journal is empty",
    ):
        assert sentence in text


def test_page_outside_a_project_says_so(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    text = _page(project).text
    assert "Params.yaml does not exist: run from the root of the project" in text
    assert "123 = 100 done" in text


def test_page_reports_a_damaged_database(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "broken.db").write_bytes(b"no database at all" * 100)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project / 'broken.db'}")
    text = _page(project).text
    assert "It is unknown whether the registry agrees. MLflow cannot be read:" in text
    assert f"Version 3 of {NAME} is live" in text


def test_page_reports_another_registry(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", _store(project / "other"))
    mlflow_runs.connect()
    text = _page(project).text
    assert f"The live version of {NAME} is uncertain: version 3 or none" in text
    assert "has no such version: set MLFLOW_TRACKING_URI to the registry that has it" in text


def test_page_reports_a_server_that_is_down_without_its_password(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NOWHERE.replace("//", "//me:hush-hush@"))
    page = _page(project)
    assert f"Version 3 of {NAME} is live" in page.text
    down = "http://***@127.0.0.1:9 does not answer: nothing listens there (connection refused)."
    assert f"It is unknown whether the registry agrees. MLflow at {down}" in page.text
    assert "hush-hush" not in page.source
    assert f'href="{NOWHERE}"' in page.source


def test_page_says_unknown_when_no_store_can_be_read(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(project / "promote")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NOWHERE)
    text = _page(project).text
    assert "There is no live model to show" in text
    assert "The live version is unknown. MLflow at" in text
    assert "No version of" not in text


@pytest.mark.parametrize("answer", ["hello", [], 500, 401])
def test_page_survives_a_server_that_is_not_mlflow(
    project: Path, answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [
        f"/api/2.0/mlflow/{path}"
        for path in ("experiments/get-by-name", "experiments/create", "registered-models/search", "runs/search")
    ]
    with serve_answers(dict.fromkeys(paths, answer)) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        assert f"Version 3 of {NAME} is live" in _page(project).text


def test_page_reports_a_silent_server(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        text = _page(project).text
    assert "It is unknown whether the registry agrees" in text


def test_page_folds_and_cuts_long_lists(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (live_model, catalogue_jobs, versions):
        monkeypatch.setattr(module, "SHOWN", 1)
    text = _page(project).text
    for sentence in ("1 older entries", "2 older versions", "1 older jobs"):
        assert sentence in text, sentence
    monkeypatch.setattr(live_model, "LIMIT", 1)
    monkeypatch.setattr(catalogue_jobs, "LIMIT", 1)
    monkeypatch.setattr(versions, "LIMIT", 2)
    text = _page(project).text
    for sentence in (
        "stemline history lists 1 more",
        "MLflow has up to 1 older versions",
        "MLflow has older jobs",
    ):
        assert sentence in re.sub(r"\s+", " ", text), sentence


def test_page_warns_of_different_test_sets(project: Path) -> None:
    client = mlflow_runs.connect()
    run_id = client.get_model_version(NAME, "1").run_id
    client.set_tag(run_id, "evaluate.test_digest", "another")
    assert "scored on 2 different test sets" in _page(project).text


def test_page_shows_dashes_for_deleted_runs(project: Path) -> None:
    client = mlflow_runs.connect()
    for number in ("1", "2", "3"):
        client.delete_run(client.get_model_version(NAME, number).run_id)
    page = _page(project)
    assert f"Version 3 of {NAME} is live" in page.text
    assert "refused" in page.text
    assert page.tags.count("polyline") == 0


def test_list_datasets_returns_logged_and_tagged_ones(project: Path) -> None:
    client = mlflow_runs.connect()
    run = client.get_run(client.get_model_version(NAME, "1").run_id)
    train, test = list_datasets(run)
    names = "MUSDB18-7 (7-second excerpts) + mir-1k"
    assert (train.use, train.name, train.digest, train.tracks) == ("train", names, "a5" * 32, None)
    assert (test.use, test.tracks) == ("test", 25)


def test_links_lead_to_the_servers_pages(project: Path) -> None:
    stores = open_stores()
    assert stores.mlflow.content is not None
    assert stores.mlflow.content.run_link("0123") == ""
    served = replace(stores.mlflow.content, web=web_address("https://me:hush@mlflow.example/base/"))
    assert served.version_link("a b", 3) == "https://mlflow.example/base/#/models/a%20b/versions/3"
    assert served.run_link("0123").endswith(f"/experiments/{served.experiment}/runs/0123")
    assert served.run_link("0123", served.catalogues).endswith(f"/experiments/{served.catalogues}/runs/0123")
    assert served.catalogues != served.experiment


def test_page_of_a_server_equals_the_page_of_its_database(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
    own = _page(project)
    with serving(_store(project), project / "server.log") as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        page = _page(project)
    assert store_text(page) == store_text(own)
    runs = {link for link in page.links if link.startswith(f"{address}/#/experiments/")}
    assert len(runs) == 3 + 2  # three trainings and two catalogues
    assert {f"{address}/#/models/{NAME}/versions/{number}" for number in (1, 2, 3)} <= set(page.links)


def store_text(page: Page) -> str:
    """Return the text about the stores, without the address of MLflow and without extra spaces around links."""
    return "".join(page.text.partition("Open MLflow and Prefect")[0].split())


@contextmanager
def serving(store: str, log: Path) -> Iterator[str]:
    """Yield the address of an MLflow server of the database, once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [
        "mlflow",
        "server",
        "--backend-store-uri",
        store,
        "--workers",
        "1",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    settings = environment(MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false")
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", *command], env=settings, stdout=output, stderr=output, start_new_session=True
        ) as process,
    ):
        try:
            until_it_answers(f"http://127.0.0.1:{port}/health")
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def until_it_answers(url: str) -> None:
    end = time.monotonic() + 180
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            assert time.monotonic() < end, f"{url} does not answer"
            time.sleep(0.2)


def test_command_line_writes_the_page(project: Path) -> None:
    more = {"MLFLOW_TRACKING_URI": _store(project), "STEMLINE_WORKSPACE": str(project / "workspace")}
    done = run_python("-m", "pipelines.terminal.cli", "report", "--out", "page", cwd=project, more=more)
    assert done.returncode == 0, done.stderr
    assert "report: open page/index.html in a browser" in done.stdout
    assert f"Version 3 of {NAME} is live" in Page(project / "page" / "index.html").text
    assert not (project / "workspace").exists()


def test_filters_format_numbers_times_and_texts() -> None:
    assert [count(1234.0), count(float("nan"))] == ["1,234", "–"]
    assert [hours(6.52), hours(0.25), hours(float("nan"))] == ["6.5 h", "15.0 min", "–"]
    assert timestamp("2026-11-25T14:30:59+01:00") == "2026-11-25 13:30 UTC"
    assert timestamp(1_790_000_000_000) == "2026-09-21 14:13 UTC"
    assert [timestamp("soon"), timestamp(10**20)] == ["soon", "1" + 20 * "0"]
    assert with_code("<i> `a<b` is") == "&lt;i&gt; <code>a&lt;b</code> is"
    assert with_code("<i> ` is") == "&lt;i&gt; ` is"
    assert shorten("x" * 9999) == "x" * 400 + "…"
