"""Promotion that requires an approval: it must belong to this verdict, and is written to the journal."""

from pathlib import Path

import mlflow
import pytest
import yaml

from components.core.release.journal import open_journal
from components.core.release.registry_consistency import champion_version
from components.core.release.verdict import Approval, Verdict
from components.core.tracking import mlflow_runs
from components.promote.__main__ import promote_judged
from tests.support.databases import new_mlflow_store
from tests.support.step_commands import run_command

NAME = "vocal-isolation"
VERDICT = Verdict(
    name=NAME,
    version=2,
    passed=True,
    rule="not worse",
    reasons=("vocals: +1 dB",),
    champion=1,
    test_digest="tracks",
    sha256="weights",
    run_id="run",
)
APPROVAL = Approval(
    name=NAME, version=2, verdict=VERDICT.digest, by="Ada", why="clearer", listening={"counts": {"challenger": 3}}
)


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> mlflow.MlflowClient:
    """A registry whose version 1 is live, in a folder where version 2 has just passed the gate."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", new_mlflow_store(tmp_path / "mlflow.db"))
    client = mlflow_runs.connect()
    client.create_registered_model(NAME)
    for _ in range(2):
        client.create_model_version(NAME, "somewhere")
    client.set_registered_model_alias(NAME, "champion", "1")
    journal = {"alias": "champion", "previous": "previous", "journal": str(tmp_path / "promote")}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"promote": journal}), encoding="utf-8")
    VERDICT.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    return client


@pytest.mark.slow
def test_promote_needs_an_approval_of_this_verdict(
    client: mlflow.MlflowClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused() -> str:
        with pytest.raises(SystemExit, match="2"):
            run_command(promote_judged, "--gate", ".", "--approval", ".")
        assert champion_version(client, NAME, "champion") == 1
        return capsys.readouterr().err

    assert "approval.json does not exist: ask for an approval" in refused()
    for other in ({"verdict": "another"}, {"version": 1}, {"name": "other"}):
        APPROVAL.model_copy(update=other).write(tmp_path)
        assert "on another verdict than the one on version 2 of vocal-isolation" in refused()
    (tmp_path / "approval.json").write_text('{"by": "Ada"}', encoding="utf-8")
    assert "approval.json is damaged (name: Field required)" in refused()

    APPROVAL.write(tmp_path)
    run_command(promote_judged, "--gate", ".", "--approval", ".")
    assert champion_version(client, NAME, "champion") == 2
    entry = open_journal(str(tmp_path / "promote")).entries()[-1]
    assert entry.why == "not worse: vocals: +1 dB; approved by Ada: clearer"
    assert (entry.evidence["approved_by"], entry.evidence["approved_why"]) == ("Ada", "clearer")
    assert entry.evidence["listening"] == {"counts": {"challenger": 3}}


def test_promote_needs_no_approval_of_a_refused_version(
    client: mlflow.MlflowClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    VERDICT.model_copy(update={"passed": False}).write(tmp_path)
    run_command(promote_judged, "--gate", ".", "--approval", ".")
    assert "was refused by the gate" in capsys.readouterr().out
    assert champion_version(client, NAME, "champion") == 1
