"""The whole step on a few short tracks: its files, and its metrics in MLflow."""

import json
from dataclasses import dataclass
from pathlib import Path

import mlflow
import museval
import numpy as np
import pandas as pd
import pytest

from components.core.base.errors import UserError
from components.core.base.files import digest_folder
from components.core.data.manifest import Track, write_manifest
from components.core.data.score_tables import METRICS
from components.core.models.model_folder import load_model
from components.core.separating.postprocessing_config import PostProcessing
from components.core.tracking.mlflow_runs import RunRef, connect, experiment_id
from components.evaluate import __main__ as program
from components.evaluate.evaluate import evaluate
from components.evaluate.results.description import digest_tracks
from components.evaluate.results.mlflow_run import ARTIFACTS, log_results
from components.evaluate.scoring.systems import SYSTEMS, estimator
from components.evaluate.scoring.track_signals import read_signals
from tests.components.evaluate.evaluate_music import (
    RATE,
    TARGETS,
    evaluate_config,
    noise,
    save_tiny_model,
    stem_mp4_track,
    stempeg_track,
    write_track,
)
from tests.support.databases import new_mlflow_store

pytestmark = pytest.mark.slow

SHARED = Path(__file__).parents[3].parent / "shared" / "musdb18-7" / "test"
POST = {"wiener": PostProcessing(method="wiener"), "shifted": PostProcessing(shifts=2, overlap=0.75)}
EXCERPT = "demo/The Easton Ellises - Falcon 69"


@dataclass(frozen=True)
class Step:
    """A run of the step: its folders, and its tracks by name."""

    model: Path
    data: Path
    out: Path
    tracks: dict[str, Track]

    @property
    def scores(self) -> pd.DataFrame:
        return pd.read_csv(self.out / "scores.csv", keep_default_na=True)


def _run(folder: Path, tracks: list[Track]) -> Step:
    model = save_tiny_model(folder / "model")
    write_manifest(folder / "data", tracks)
    evaluate(evaluate_config(systems=tuple(SYSTEMS), post=POST), model, folder / "data", folder / "out")
    return Step(model, folder / "data", folder / "out", {track.name: track for track in tracks})


@pytest.fixture(scope="module")
def step(tmp_path_factory: pytest.TempPathFactory) -> Step:
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "data").mkdir()
    voice, band = noise(0, 2.3), noise(1, 2.3)
    voice[:, RATE : 2 * RATE] = 0
    tracks = [
        stempeg_track(folder / "data"),
        write_track(folder / "data", "Pause", {"vocals": voice, "accompaniment": band}),
        write_track(folder / "data", "Instrumental", {"vocals": 0 * band[:, :RATE], "other": band[:, :RATE]}),
    ]
    return _run(folder, tracks)


def _value(scores: pd.DataFrame, *key: str) -> float:
    columns = ("track", "system", "target", "metric")
    rows = scores
    for column, wanted in zip(columns, key, strict=True):
        rows = rows[rows[column] == wanted]
    return float(rows["value"].item())


@pytest.mark.parametrize("system", ["model", "model+wiener", "model+shifted", *list(SYSTEMS)[1:]])
def test_medians_equal_museval(step: Step, system: str) -> None:
    model = load_model(step.model)
    mixture, references = read_signals(model, step.tracks[EXCERPT])
    estimates = estimator(system, POST)(model, mixture, references)
    expected = museval.evaluate(references.transpose(0, 2, 1), estimates.transpose(0, 2, 1))
    for metric, frames in zip(("SDR", "ISR", "SIR", "SAR"), expected, strict=True):
        for target, values in zip(TARGETS, frames, strict=True):
            found = _value(step.scores, EXCERPT, system, target, metric)
            assert found == pytest.approx(np.nanmedian(values), abs=2e-5)  # six decimals; the order of threads' sums


@pytest.mark.parametrize(
    ("system", "target", "expected"),
    [
        ("mixture", "vocals", (-6.233, -5.619, 19.989, 14.004)),
        ("mixture", "accompaniment", (6.121, 6.345, 19.989, 25.783)),
        ("irm2", "vocals", (8.676, 20.261, 9.541, 14.178)),
        ("irm2", "accompaniment", (15.371, 21.140, 15.877, 23.722)),
    ],
)
def test_scores_of_the_real_excerpt_are_known(
    step: Step, system: str, target: str, expected: tuple[float, ...]
) -> None:
    found = [_value(step.scores, EXCERPT, system, target, metric) for metric in ("SDR", "SIR", "SAR", "ISR")]
    assert found == pytest.approx(expected, abs=0.01)


def test_silent_frames_and_tracks_are_counted_and_named(step: Step) -> None:
    paused = step.scores[step.scores["track"] == "made/Nobody - Pause"]
    assert set(paused["nan_frames"]) == {1}
    assert set(paused["frames"]) == {2}
    silent = step.scores[step.scores["track"] == "made/Nobody - Instrumental"]
    assert silent["value"].isna().all()
    assert set(silent["reason"]) == {"the true vocals is silent"}
    metrics = json.loads((step.out / "metrics.json").read_text())
    for system in SYSTEMS:
        counts = {name: metrics[system][name] for name in ("tracks", "unscored", "frames", "nan_frames")}
        assert counts == {"tracks": 2, "unscored": 1, "frames": 8, "nan_frames": 1}


def test_floor_lies_below_the_ceiling(step: Step) -> None:
    metrics = json.loads((step.out / "metrics.json").read_text())
    medians = step.scores.groupby(["system", "target", "metric"])["value"].median()
    for system in SYSTEMS:
        assert metrics[system]["vocals"]["SDR"] == pytest.approx(medians[system, "vocals", "SDR"], abs=1e-6)
    assert metrics["mixture"]["vocals"]["SDR"] + 3 < metrics["irm2"]["vocals"]["SDR"]


def test_oracles_have_the_order_of_sisec(step: Step) -> None:
    """On the real excerpt: magnitudes, Wiener filter, powers. Binary masks have the best SIR and the worst SAR."""
    sdr = {name: _value(step.scores, EXCERPT, name, "vocals", "SDR") for name in ("irm1", "mwf", "irm2")}
    assert sdr["irm1"] < sdr["irm2"]
    assert sdr["irm1"] < sdr["mwf"]
    sir = {name: _value(step.scores, EXCERPT, name, "vocals", "SIR") for name in ("ibm", "irm1", "irm2")}
    assert sir["irm1"] < sir["irm2"] < sir["ibm"]


def test_four_stems_include_a_scored_accompaniment(tmp_path: Path) -> None:
    """A model of four stems gets the same two-stem scores as a model of two for the same sums."""
    stems = ("vocals", "drums", "bass", "other")
    track = stempeg_track(tmp_path)
    write_manifest(tmp_path, [track])
    for name, targets in (("two", TARGETS), ("four", stems)):
        model = save_tiny_model(tmp_path / name, targets)
        evaluate(evaluate_config(systems=("mixture",)), model, tmp_path, tmp_path / f"{name}-out")
    two, four = (pd.read_csv(tmp_path / f"{name}-out" / "scores.csv") for name in ("two", "four"))
    assert list(dict.fromkeys(four["target"])) == [*stems, "accompaniment"]
    for target in TARGETS:
        for metric in METRICS:
            found, wanted = (_value(scores, EXCERPT, "mixture", target, metric) for scores in (four, two))
            assert found == pytest.approx(wanted, abs=1e-3), (target, metric)


def test_museval_reads_the_json_files(step: Step) -> None:
    store = museval.EvalStore()
    store.add_eval_dir(step.out / "museval" / "irm2")
    assert set(store.df["track"]) == {"The Easton Ellises - Falcon 69", "Nobody - Pause"}
    found = store.agg_frames_scores()["The Easton Ellises - Falcon 69", "vocals", "SDR"]
    assert found == pytest.approx(_value(step.scores, EXCERPT, "irm2", "vocals", "SDR"), abs=1e-4)


def test_speed_table_has_every_system(step: Step) -> None:
    speed = pd.read_csv(step.out / "speed.csv").set_index("system")["times_real_time"]
    assert list(speed.index) == ["model", "model+wiener", "model+shifted", *list(SYSTEMS)[1:]]
    assert (speed > 0).all()
    assert speed["mixture"] > speed["model"] > speed["model+shifted"]  # nothing, one pass, and four times as many


def test_test_json_lists_the_scored_tracks(step: Step) -> None:
    test = json.loads((step.out / "test.json").read_text())
    assert test["tracks"] == sorted(step.tracks)
    assert test["digest"] == digest_tracks(list(step.tracks.values()))
    assert test["digest"] != digest_tracks(list(step.tracks.values())[:2])
    assert test["datasets"] == ["demo", "made"]
    assert test["versions"]["museval"] == "0.4.1"


def test_pictures_are_drawn(step: Step) -> None:
    names = {path.name for path in (step.out / "pictures").iterdir()}
    assert names == {"SDR.png", "SIR.png", "SAR.png", "ISR.png", "spectrograms.png"}


def test_mlflow_gets_the_same_metrics_tags_and_files_twice(
    step: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", new_mlflow_store(tmp_path / "mlflow.db"))
    client = connect()
    ref = RunRef(run_id=client.create_run(experiment_id(client)).info.run_id, experiment="vocal-isolation")
    for _ in range(2):
        log_results(client, ref, step.data, step.out)
    run = client.get_run(ref.run_id)
    metrics = json.loads((step.out / "metrics.json").read_text())
    assert run.data.metrics["test/vocals/SDR"] == metrics["model"]["vocals"]["SDR"]
    assert run.data.metrics["test/irm2/accompaniment/SIR"] == metrics["irm2"]["accompaniment"]["SIR"]
    assert run.data.metrics["test/mixture/vocals/nan_frames"] == 1
    assert run.data.tags["evaluate.dataset"] == "demo + made"
    assert {"evaluate.git_commit", "evaluate.dvc_lock", "evaluate.test_digest"} <= run.data.tags.keys()
    assert [entry.dataset.name for entry in run.inputs.dataset_inputs] == ["demo + made"]
    copy = Path(mlflow.artifacts.download_artifacts(run_id=ref.run_id, artifact_path=ARTIFACTS, dst_path=str(tmp_path)))
    assert digest_folder(copy) == digest_folder(step.out)


def test_command_checks_the_run_before_it_scores(step: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", new_mlflow_store(tmp_path / "mlflow.db"))
    RunRef(run_id="0" * 32, experiment="vocal-isolation").write(tmp_path)
    monkeypatch.chdir(Path(__file__).parents[3])
    with pytest.raises(UserError, match=r"MLflow run 0+ is not in"):
        program.evaluate_model(step.model, step.data, tmp_path / "out", tmp_path)
    assert not (tmp_path / "out").exists()


def test_missing_test_tracks_are_a_user_error(step: Step, tmp_path: Path) -> None:
    write_manifest(tmp_path, [])
    with pytest.raises(UserError, match="no track in the split 'test'"):
        evaluate(evaluate_config(), step.model, tmp_path, tmp_path / "out")
    silent = write_track(tmp_path, "Silence", {"vocals": 0 * noise(0, 0.1), "other": noise(1, 0.1)})
    write_manifest(tmp_path, [silent])
    with pytest.raises(UserError, match="made/Nobody - Silence: the true vocals is silent"):
        evaluate(evaluate_config(systems=("mixture",)), step.model, tmp_path, tmp_path / "out")


def test_scores_of_real_tracks_equal_the_track_evaluation_of_museval(tmp_path: Path) -> None:
    if not SHARED.is_dir():
        pytest.skip("../shared/musdb18-7 is not here: the excerpts of MUSDB18 are not distributed with the code")
    import musdb

    chosen = musdb.DB(root=SHARED.parent, subsets="test").tracks[:1]
    (tmp_path / "data").mkdir()
    tracks = [stem_mp4_track(tmp_path / "data", Path(track.path), "musdb18-7s") for track in chosen]
    step = _run(tmp_path, tracks)
    for reference in chosen:
        # musdb also reads the padding of the last AAC frame, which the container's edit list leaves out
        name = f"musdb18-7s/{reference.name}"
        reference.chunk_duration = read_signals(load_model(step.model), step.tracks[name])[0].shape[-1] / RATE
        store = museval.eval_mus_track(reference, dict.fromkeys(TARGETS, reference.audio))
        medians = store.df.groupby(["target", "metric"])["score"].apply(np.nanmedian)
        for (target, metric), expected in medians.items():
            found = _value(step.scores, f"musdb18-7s/{reference.name}", "mixture", target, metric)
            assert found == pytest.approx(expected, abs=2e-5)  # museval writes five decimals
