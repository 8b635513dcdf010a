"""The gate reads scores, and writes a verdict to a file, to the version and to its run."""

from pathlib import Path

import mlflow
import pytest
import yaml

from components.core.base.errors import UserError
from components.core.models.mlflow_model import log_model
from components.core.models.model_folder import load_model
from components.core.models.smoke_test import SmokeResult
from components.core.release.verdict import Verdict
from components.core.release.version import VersionRef
from components.core.tracking import mlflow_runs
from components.gate import __main__ as program
from components.gate.gate import Champion, Evidence, gate
from tests.components.gate.gate_scores import gate_config, seen, write_scores
from tests.support.databases import new_mlflow_store
from tests.support.step_commands import run_command
from tests.support.tiny_models import save_tiny_model

pytestmark = pytest.mark.slow

NAME = "vocal-isolation"
GOOD = {"vocals": [4.0] * 6, "accompaniment": [9.0] * 6}
BETTER = {"vocals": [5.0] * 6, "accompaniment": [9.5] * 6}
MIXTURE = {"vocals": [-5.0] * 6, "accompaniment": [5.0] * 6}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return new_mlflow_store(tmp_path_factory.mktemp("mlflow") / "mlflow.db")


@pytest.fixture
def version(store: str, monkeypatch: pytest.MonkeyPatch) -> VersionRef:
    """A new version of a new run in a real registry; `live_before` is the champion."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    client = mlflow_runs.connect()
    if not client.search_registered_models(f"name = '{NAME}'"):
        client.create_registered_model(NAME)
    run = client.create_run(mlflow_runs.experiment_id(client)).info.run_id
    client.create_model_version(NAME, "somewhere", run)
    created = client.create_model_version(NAME, "somewhere", run)
    return VersionRef(name=NAME, version=int(created.version), run_id=run, sha256="weights")


def live_before(version: VersionRef) -> int:
    return version.version - 1


def works(address: str) -> SmokeResult:
    return seen()


def evidence(scores: Path) -> Evidence:
    return Evidence(scores, scores, works)


def registered(version: VersionRef, store: str) -> mlflow.entities.model_registry.ModelVersion:
    return mlflow.MlflowClient(store, store).get_model_version(NAME, str(version.version))


@pytest.mark.parametrize(("minimum", "said"), [(6, ()), (7, ("test set: 6 tracks; no later model can be compared",))])
def test_first_version_on_few_tracks_passes_with_a_warning(
    tmp_path: Path, version: VersionRef, minimum: int, said: tuple[str, ...]
) -> None:
    scores = write_scores(tmp_path / "scores", GOOD, MIXTURE)
    verdict = gate(gate_config(minimum_tracks=minimum), version, evidence(scores), None, tmp_path / "out")
    assert verdict.passed
    texts = [finding.text for finding in verdict.findings if finding.text.startswith("test set")]
    assert len(texts) == len(said)
    assert all(text.startswith(start) for text, start in zip(texts, said, strict=True))


def test_first_version_that_passes_is_tagged_and_logged(tmp_path: Path, version: VersionRef, store: str) -> None:
    scores = write_scores(tmp_path / "scores", GOOD, MIXTURE)
    verdict = gate(gate_config(), version, evidence(scores), None, tmp_path / "out")
    assert verdict.passed
    assert (verdict.name, verdict.version, verdict.rule) == (NAME, version.version, "first champion")
    assert "vocals: +9.00 dB" in verdict.reasons[0]
    assert Verdict.read(tmp_path / "out") == verdict
    assert (verdict.test_digest, verdict.sha256, verdict.run_id) == ("the same", "weights", version.run_id)
    found = registered(version, store)
    assert found.tags["gate.verdict"] == "passed"
    assert found.tags["gate.rule"] == "first champion"
    assert found.tags["gate.test_digest"] == "the same"
    assert found.tags["gate.digest"] == verdict.digest
    assert "vocals: +9.00 dB" in found.tags["gate.reasons"]
    assert "accompaniment: +4.00 dB" in found.tags["gate.reasons"]
    assert found.description.startswith("**Passed by the gate** (first champion)")
    assert "✓ speed: 20 times real time; at least 1" in found.description
    client = mlflow.MlflowClient(store, store)
    assert client.get_run(version.run_id).data.tags["gate.verdict"] == "passed"
    logged = {file.path for file in client.list_artifacts(version.run_id, "gate")}
    assert logged == {"gate/verdict.json", "gate/smoke.json", "gate/differences.png"}


@pytest.mark.parametrize(("challenger", "champion", "passed"), [(BETTER, GOOD, True), (GOOD, BETTER, False)])
def test_challenger_is_compared_with_the_champion(
    tmp_path: Path,
    version: VersionRef,
    store: str,
    challenger: dict[str, list[float]],
    champion: dict[str, list[float]],
    passed: bool,
) -> None:
    before = live_before(version)
    live = Champion(before, write_scores(tmp_path / "champion", champion, MIXTURE))
    scores = write_scores(tmp_path / "scores", challenger, MIXTURE)
    verdict = gate(gate_config(slices=["level"]), version, evidence(scores), live, tmp_path / "out")
    assert verdict.passed is passed
    assert (verdict.rule, verdict.champion) == (f"against champion {before}", before)
    assert registered(version, store).tags["gate.verdict"] == ("passed" if passed else "refused")
    names = [finding.name for finding in verdict.findings]
    assert names[:4] == ["vocals", "accompaniment", "vocals by level", "accompaniment by level"]
    assert names[4:] == ["weights", "sum", "speed", "size", "memory", "slowdown", "scores"]
    assert all(finding.good for finding in verdict.findings) is passed
    again = gate(gate_config(slices=["level"]), version, evidence(scores), live, tmp_path / "again")
    assert again == verdict
    for name in ("verdict.json", "smoke.json", "differences.png"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


@pytest.mark.parametrize("judged_on", ["the same", "others"])
def test_verdict_warns_of_a_champion_judged_on_other_tracks(
    tmp_path: Path, version: VersionRef, store: str, judged_on: str
) -> None:
    before = live_before(version)
    mlflow.MlflowClient(store, store).set_model_version_tag(NAME, str(before), "gate.test_digest", judged_on)
    live = Champion(before, write_scores(tmp_path / "champion", GOOD, MIXTURE))
    scores = write_scores(tmp_path / "scores", BETTER, MIXTURE)
    verdict = gate(gate_config(), version, evidence(scores), live, tmp_path / "out")
    assert verdict.passed
    said = f"✓ test set: not the tracks that version {before} was judged on"
    assert (said in registered(version, store).description) is (judged_on == "others")


def refused(version: VersionRef, folder: Path, scores: Path, champion: Path, tried: SmokeResult | None = None) -> str:
    """Return the only reason for the refusal of a version with better scores."""
    found = Evidence(scores, scores, lambda address: tried or seen())
    verdict = gate(gate_config(), version, found, Champion(live_before(version), champion), folder / "out")
    assert not verdict.passed
    (reason,) = verdict.reasons
    return reason


def test_unfit_version_is_refused_despite_better_scores(tmp_path: Path, version: VersionRef, store: str) -> None:
    scores = write_scores(tmp_path / "scores", BETTER, MIXTURE)
    champion = write_scores(tmp_path / "champion", GOOD, MIXTURE)
    assert refused(version, tmp_path, scores, champion, seen(memory_mb=5000.0)).startswith("memory: 5000 MB")
    foreign = write_scores(tmp_path / "foreign", BETTER, MIXTURE, weights="of another model")
    reason = refused(version, tmp_path, foreign, champion)
    assert reason == "scores: of other weights than the registered ones: run evaluate again"
    longer = write_scores(tmp_path / "longer", GOOD, MIXTURE, window=2.0)
    assert "frames of 1 s at 44100 Hz, channels: 2, the live model by" in refused(version, tmp_path, scores, longer)
    mono = write_scores(tmp_path / "mono", GOOD, MIXTURE, channels=1)
    assert "channels: 1" in refused(version, tmp_path, scores, mono)
    client = mlflow.MlflowClient(store, store)
    client.set_model_version_tag(NAME, str(version.version), "taken_back", "2026-11-25: it hissed")
    assert refused(version, tmp_path, scores, champion).startswith("taken back: 2026-11-25: it hissed; train another")


def test_refusal_by_a_person_holds_until_its_tag_is_removed(tmp_path: Path, version: VersionRef, store: str) -> None:
    scores = write_scores(tmp_path / "scores", GOOD, MIXTURE)
    client = mlflow.MlflowClient(store, store)
    client.set_model_version_tag(NAME, str(version.version), "approval.refused", "Bob: voices hiss")
    verdict = gate(gate_config(), version, evidence(scores), None, tmp_path / "out")
    assert not verdict.passed
    (reason,) = verdict.reasons
    assert reason.startswith(
        "approval: refused by Bob: voices hiss; train another, delete the version's tag approval.r"
    )
    client.delete_model_version_tag(NAME, str(version.version), "approval.refused")
    assert gate(gate_config(), version, evidence(scores), None, tmp_path / "out").passed


def test_version_without_findings_is_refused(tmp_path: Path, version: VersionRef) -> None:
    scores = write_scores(tmp_path / "scores", {"vocals": [float("nan")] * 3}, {"vocals": [0.0] * 3})
    config = gate_config(minimum_gain_db={"vocals": 0.0})
    assert not gate(config, version, evidence(scores), None, tmp_path / "out").passed


def test_deleted_run_is_a_user_error(tmp_path: Path, version: VersionRef) -> None:
    scores = write_scores(tmp_path / "scores", GOOD, MIXTURE)
    with pytest.raises(UserError, match="MLflow run gone is not in sqlite"):
        gate(gate_config(), version.model_copy(update={"run_id": "gone"}), evidence(scores), None, tmp_path / "out")


@pytest.mark.parametrize(("challenger", "passed"), [(BETTER, True), (GOOD, True), (MIXTURE, False)])
def test_first_version_is_compared_with_the_shipped_model(
    tmp_path: Path, version: VersionRef, challenger: dict[str, list[float]], passed: bool
) -> None:
    scores = write_scores(tmp_path / "scores", challenger, MIXTURE)
    shipped = Champion(0, write_scores(tmp_path / "shipped", GOOD, MIXTURE))
    tried: list[str] = []

    def work(address: str) -> SmokeResult:
        tried.append(address)
        return seen()

    verdict = gate(gate_config(), version, Evidence(scores, scores, work), shipped, tmp_path / "out")
    assert (verdict.passed, verdict.champion, verdict.rule) == (passed, 0, "against the shipped model")
    assert tried == [f"models:/{NAME}/{version.version}"], "the shipped model sets no limit of speed"


def test_command_prints_the_verdict_and_a_refusal_is_no_error(
    tmp_path: Path, version: VersionRef, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    config = gate_config().model_dump(mode="json")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"gate": config}), encoding="utf-8")
    version.write(tmp_path / "register")
    write_scores(tmp_path / "scores", GOOD, MIXTURE)
    write_scores(tmp_path / "champion", BETTER, MIXTURE)
    monkeypatch.setattr(program, "Evidence", lambda scores, data: Evidence(scores, data, works))

    def printed(*arguments: str) -> str:
        run_command(program.judge, "--register", "register", "--scores", "scores", "--out", "out", *arguments)
        return capsys.readouterr().out

    assert printed().startswith(f"gate: version {version.version} passed (first champion)\ngate:   ok  vocals: +9.00")
    before = live_before(version)
    text = printed("--champion", str(before), "--champion-scores", "champion")
    assert text.startswith(
        f"gate: version {version.version} REFUSED (against champion {before})\ngate:   NO  vocals: -1.00"
    )
    assert "-1.00 dB SDR against the live model" in text
    assert not Verdict.read(tmp_path / "out").passed
    for half in (("--champion", "1"), ("--champion-scores", "champion")):
        with pytest.raises(SystemExit):
            printed(*half)
        assert "belong together" in capsys.readouterr().err


def test_changed_weights_in_the_store_are_refused(tmp_path: Path, version: VersionRef, store: str) -> None:
    """One bit of the artifact is changed; the scores belong to a better version."""
    client = mlflow_runs.connect()
    model = save_tiny_model(tmp_path / "model")
    logged = log_model(client, mlflow_runs.RunRef(run_id=version.run_id), model, load_model(model))
    created = client.create_model_version(NAME, logged.model_uri, version.run_id, model_id=logged.model_id)
    place = Path(client.get_logged_model(logged.model_id).artifact_location.removeprefix("file://"))
    [weights] = place.rglob("weights.safetensors")
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    scores = write_scores(tmp_path / "scores", GOOD, MIXTURE)
    judged = version.model_copy(update={"version": int(created.version)})
    verdict = gate(gate_config(), judged, Evidence(scores, scores), None, tmp_path / "out")
    assert not verdict.passed
    (reason,) = verdict.reasons
    assert reason.startswith(f"smoke: models:/vocal-isolation/{created.version} does not work in a fresh process: ")
    assert "checksum" in reason
