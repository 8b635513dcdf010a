"""The step: scores in, a verdict in a file and on the version's tags out."""

import json
from dataclasses import asdict
from pathlib import Path

import mlflow
import pytest
import yaml
from gate_scores import gate_config, write_scores

from components.core import tracking
from components.core.files import write_json
from components.core.verdict import Verdict
from components.core.version import VERSION_FILE, VersionRef
from components.gate import __main__ as program
from components.gate.gate import Champion, gate

pytestmark = pytest.mark.xdist_group("gate-step")

NAME = "vocal-isolation"
GOOD = {"vocals": [4.0] * 6, "accompaniment": [9.0] * 6}
BETTER = {"vocals": [5.0] * 6, "accompaniment": [9.5] * 6}
MIXTURE = {"vocals": [-5.0] * 6, "accompaniment": [5.0] * 6}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture
def version(store: str, monkeypatch: pytest.MonkeyPatch) -> VersionRef:
    """A fresh version in a real registry."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    client = tracking.connect()
    if not client.search_registered_models(f"name = '{NAME}'"):
        client.create_registered_model(NAME)
    created = client.create_model_version(NAME, "somewhere")
    return VersionRef(NAME, int(created.version), "a run", "a digest")


def tags_of(version: VersionRef, store: str) -> dict[str, str]:
    return dict(mlflow.MlflowClient(store, store).get_model_version(NAME, str(version.version)).tags)


def test_a_first_version_that_passes(tmp_path: Path, version: VersionRef, store: str) -> None:
    scores = write_scores(tmp_path / "scores", GOOD, MIXTURE)
    verdict = gate(gate_config(), version, scores, None, tmp_path / "out")
    assert verdict.passed
    assert (verdict.name, verdict.version, verdict.rule) == (NAME, version.version, "first champion")
    assert "vocals: +9.00 dB" in verdict.reasons[0]
    assert Verdict.read(tmp_path / "out") == verdict
    tags = tags_of(version, store)
    assert tags["gate.verdict"] == "passed"
    assert tags["gate.rule"] == "first champion"
    assert tags["gate.test_digest"] == "the same"
    assert "vocals: +9.00 dB" in tags["gate.reasons"]
    assert "accompaniment: +4.00 dB" in tags["gate.reasons"]


@pytest.mark.parametrize(("challenger", "champion", "passed"), [(BETTER, GOOD, True), (GOOD, BETTER, False)])
def test_a_challenger(
    tmp_path: Path,
    version: VersionRef,
    store: str,
    challenger: dict[str, list[float]],
    champion: dict[str, list[float]],
    passed: bool,
) -> None:
    live = Champion(41, write_scores(tmp_path / "champion", champion, MIXTURE))
    verdict = gate(
        gate_config(), version, write_scores(tmp_path / "scores", challenger, MIXTURE), live, tmp_path / "out"
    )
    assert verdict.passed is passed
    assert verdict.rule == "against champion 41"
    assert tags_of(version, store)["gate.verdict"] == ("passed" if passed else "refused")


def test_a_version_without_findings_is_refused(tmp_path: Path, version: VersionRef) -> None:
    scores = write_scores(tmp_path / "scores", {"vocals": [float("nan")] * 3}, {"vocals": [0.0] * 3})
    verdict = gate(gate_config(minimum_gain_db={"vocals": 0.0}), version, scores, None, tmp_path / "out")
    assert not verdict.passed


def test_the_command_says_its_verdict_and_a_refusal_is_no_error(
    tmp_path: Path, version: VersionRef, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    config = gate_config().model_dump(mode="json")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"gate": config}), encoding="utf-8")
    write_json(tmp_path / "register" / VERSION_FILE, asdict(version))
    write_scores(tmp_path / "scores", GOOD, MIXTURE)
    write_scores(tmp_path / "champion", BETTER, MIXTURE)

    def said(*arguments: str) -> str:
        command = ["gate", "--register", "register", "--scores", "scores", "--out", "out", *arguments]
        monkeypatch.setattr("sys.argv", command)
        program.main()
        return capsys.readouterr().out

    assert said().startswith(f"gate: version {version.version} passed (first champion)\n")
    text = said("--champion", "41", "--champion-scores", "champion")
    assert text.startswith(f"gate: version {version.version} REFUSED (against champion 41)\n")
    assert "-1.00 dB SDR against the champion" in text
    assert json.loads((tmp_path / "out" / "verdict.json").read_text())["passed"] is False
