"""The exported folder is complete and loadable, and its card agrees with its files."""

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import soundfile

from components.convert.convert import convert
from components.core.base.errors import UserError
from components.core.base.files import digest_file
from components.core.base.step_command import run_step_command
from components.core.data.manifest import StemFile, Track, write_manifest
from components.core.models.model_folder import load_model, save_model
from components.core.sound.training_profile import PROFILE
from components.core.tracking import mlflow_runs
from components.evaluate.evaluate import evaluate
from components.export.__main__ import run as export_command
from components.export.export import export, export_converted
from components.export.onnx.onnx_export import ARTIFACT_FOLDER
from tests.components.evaluate.evaluate_music import evaluate_config
from tests.support.databases import new_mlflow_store
from tests.support.source import ROOT
from tests.support.tiny_models import noise, save_tiny_model

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class StageOutputs:
    """The folders that the stages write."""

    train: Path
    evaluate: Path
    data: Path
    root: Path


def _track(folder: Path, number: int, dataset: str = "made", split: str = "test") -> Track:
    stems = {}
    for place, stem in enumerate(("vocals", "accompaniment")):
        path = folder / f"{number}-{stem}.wav"
        soundfile.write(path, noise(2 * number + place, 52_920).T, 44100, "PCM_16")
        stems[stem] = StemFile(stem, path, 0, digest_file(path), 52_920, 44100, 2)
    return Track(f"{dataset}/Nobody {number} - Song", f"Nobody {number}", "Song", dataset, split, stems)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> StageOutputs:
    root = tmp_path_factory.mktemp("made")
    data = root / "acquire"
    data.mkdir()
    drawn, not_drawn = _track(data, 2, split="train"), _track(data, 3, "other", "train")
    write_manifest(data, [_track(data, 0), _track(data, 1), drawn, not_drawn])
    tiny = load_model(save_tiny_model(root / "tiny"))
    started_from = {"address": "models:/made@champion", "version": 3, "sha256": "beef" * 16}
    origin = {"step": 40, "git_commit": "c0ffee", "started_from": started_from, "stored": "fp16"}
    train = root / "train"
    save_model(train / "model", tiny.separator, tiny.network, tiny.targets, tiny.rate, tiny.channels, origin)
    (train / "model" / PROFILE).write_text("{}\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", new_mlflow_store(root / "mlflow.db"))
        client = mlflow_runs.connect()
        created = client.create_run(mlflow_runs.experiment_id(client), run_name="tiny on made")
        run = mlflow_runs.RunRef(run_id=created.info.run_id)
        shares = {f"train.datasets.{target}.made": 1.0 for target in tiny.targets}
        mlflow_runs.log_params(client, run, {"train.steps": 40, **shares})
        mlflow_runs.set_tags(client, run, {"train.machine": "a small machine", "package.torch": "2.13.0"})
        for step in (20, 40):
            mlflow_runs.log_metrics(client, run, {"train/loss": 1 / step, "train/audio_seconds_a_second": 20.0}, step)
        run.write(train)
    evaluate(evaluate_config(systems=("model", "mixture")), train / "model", data, root / "evaluate")
    (root / "params.yaml").write_text("train: {}\n")
    (root / "dvc.lock").write_text("schema: '2.0'\n")
    return StageOutputs(train, root / "evaluate", data, root)


@pytest.fixture(autouse=True)
def _work_in_the_project(outputs: StageOutputs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{outputs.root / 'mlflow.db'}")
    monkeypatch.chdir(outputs.root)


def test_export_writes_a_loadable_model_with_its_origin(outputs: StageOutputs, tmp_path: Path) -> None:
    export(outputs.train, [outputs.evaluate], outputs.data, tmp_path, {"made": "white noise, CC0"})
    assert load_model(tmp_path).digest == load_model(outputs.train / "model").digest
    for name in ("params.yaml", "dvc.lock"):
        assert (tmp_path / name).read_bytes() == (outputs.root / name).read_bytes()
    for name in ("table.csv", "scores.csv", "speed.csv", "test.json"):
        assert (tmp_path / "scores" / "made" / name).read_bytes() == (outputs.evaluate / name).read_bytes()
    assert (tmp_path / "scores" / "made" / "spectrograms.png").is_file()
    run = json.loads((tmp_path / "run.json").read_text())
    assert run["metrics"]["train/loss"] == [[20, 0.05], [40, 0.025]]
    assert run["params"]["train.steps"] == "40"
    assert not any(name.startswith("mlflow.") for name in run["tags"])


def test_card_agrees_with_the_exported_files(outputs: StageOutputs, tmp_path: Path) -> None:
    export(outputs.train, [outputs.evaluate], outputs.data, tmp_path, {"made": "white noise, CC0", "start": "MIT"})
    card = (tmp_path / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert load_model(tmp_path).digest in card
    assert "step 40" in card
    assert "`c0ffee`" in card
    assert "| made | 1 tracks, 0.0 min | – | 2 tracks, 0.0 min | white noise, CC0 |" in card
    assert "| other |" not in card, "the training drew nothing from it"
    assert "a small machine" in card
    table = json.loads((outputs.evaluate / "metrics.json").read_text())
    for system in ("model", "mixture"):
        for target in ("vocals", "accompaniment"):
            assert f"| {system} | {target} | {table[system][target]['SDR']:.2f} (" in card
    assert "made/Nobody 0 - Song" in card  # among the weakest two
    assert f"started from `models:/made@champion` (weights `{'beef' * 16}`). Its terms: MIT" in card
    assert "- weights on disk: fp16 for kernels" in card


def test_onnx_option_writes_the_network_to_the_folder_and_to_mlflow(
    outputs: StageOutputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxscript")
    folders = ["--train", str(outputs.train), "--evaluate", str(outputs.evaluate), "--data", str(outputs.data)]
    monkeypatch.setattr(sys, "argv", ["export", str(tmp_path), *folders, "--onnx"])
    run_step_command(export_command, "components.export")
    client, run = mlflow_runs.connect(), mlflow_runs.RunRef.read(outputs.train)
    [artifact] = client.list_artifacts(run.run_id, ARTIFACT_FOLDER)
    logged = Path(client.download_artifacts(run.run_id, artifact.path, str(tmp_path)))
    assert logged.read_bytes() == (tmp_path / "network.onnx").read_bytes()
    assert convert("onnx", (str(logged),), tmp_path / "back").targets == ("vocals", "accompaniment")


def test_export_refuses_scores_of_another_model(outputs: StageOutputs, tmp_path: Path) -> None:
    document = json.loads((outputs.evaluate / "test.json").read_text())
    other = tmp_path / "other"
    other.mkdir()
    (other / "test.json").write_text(json.dumps(document | {"model": "0" * 64}))
    with pytest.raises(UserError, match="belong to another model"):
        export(outputs.train, [other], outputs.data, tmp_path / "out", {})
    with pytest.raises(UserError, match="evaluate"):
        export(outputs.train, [tmp_path / "nothing"], outputs.data, tmp_path / "out", {})
    assert not (tmp_path / "out").exists()


def test_licence_option_without_terms_is_a_user_error(
    outputs: StageOutputs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["export", "out", "--licence", "folder"])
    with pytest.raises(SystemExit):
        run_step_command(export_command, "components.export")
    assert capsys.readouterr().err.startswith("stemline: --licence folder: write DATASET=TEXT")


def test_converted_model_is_exported_with_its_files_terms_and_command(outputs: StageOutputs, tmp_path: Path) -> None:
    trained = load_model(outputs.train / "model")
    origin = {
        "converted_from": "spleeter", "files": {"model.index": "beef" * 16}, "options": {"level_range": "4,12"},
        "stored": "fp16", "git_commit": "c0ffee", "run_id": "",
        "members": [{"model": "one", "sha256": "cafe", "origin": {}}],
    }  # fmt: skip
    converted = tmp_path / "converted"
    save_model(
        converted, trained.separator, trained.network, trained.targets, trained.rate, trained.channels, origin, "fp16"
    )  # fmt: skip
    evaluate(evaluate_config(systems=("model", "mixture")), converted, outputs.data, tmp_path / "scores")
    profile = ROOT / "models" / "vocal-isolation" / PROFILE
    export_converted(converted, [tmp_path / "scores"], profile, tmp_path / "out", {"weights": "MIT, their makers"})
    assert load_model(tmp_path / "out").digest == load_model(converted).digest
    assert (tmp_path / "out" / PROFILE).read_bytes() == profile.read_bytes()
    card = (tmp_path / "out" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "# Model card: spleeter, published weights" in card
    assert "`stemline convert spleeter SOURCE FOLDER --level-range 4,12 --stored fp16`" in card
    assert f"`model.index`: SHA-256 `{'beef' * 16}`" in card
    assert "- terms: MIT, their makers" in card
    assert "- members, whose terms all bind this model:\n  - `one`: SHA-256 `cafe`" in card
    assert "`profile.json`: the mixtures of " in card
    assert "82 tracks of musdb18-7s, because the music that the weights were trained on is not available" in card
    assert "- weights on disk: fp16 for kernels" in card
    assert "| model | vocals |" in card


def test_missing_file_leaves_an_earlier_export_unchanged(outputs: StageOutputs, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(outputs.train, [outputs.evaluate], outputs.data, out, {})
    before = {path: path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
    shutil.copytree(outputs.evaluate, tmp_path / "scores")
    (tmp_path / "scores" / "pictures" / "SDR.png").unlink()
    (outputs.root / "dvc.lock").rename(tmp_path / "dvc.lock")
    try:
        with pytest.raises(UserError, match=r"dvc\.lock does not exist"):
            export(outputs.train, [tmp_path / "scores"], outputs.data, out, {})
    finally:
        (tmp_path / "dvc.lock").rename(outputs.root / "dvc.lock")
    assert {path: path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()} == before


def test_export_replaces_all_files_of_an_earlier_one(outputs: StageOutputs, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "scores" / "older").mkdir(parents=True)
    (out / "scores" / "older" / "table.csv").write_text("old\n")
    export(outputs.train, [outputs.evaluate], outputs.data, out, {})
    assert [path.name for path in (out / "scores").iterdir()] == ["made"]


def test_trained_model_is_not_exported_as_a_converted_one(outputs: StageOutputs, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no converted model: export its training with --train"):
        export_converted(outputs.train / "model", [outputs.evaluate], None, tmp_path / "out", {})
    assert not (tmp_path / "out").exists()
