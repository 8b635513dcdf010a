"""After `kill -9` at any moment, the same command gives the result of an undisturbed training."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psutil
import pytest

from tests.components.train.train_music import noise_cache
from tests.components.train.training_processes import Training, living, maps_shards, workers
from tests.components.train.training_states import start_model
from tests.support.databases import new_mlflow_store
from tests.support.processes import wait_until

pytestmark = pytest.mark.system

Launcher = subprocess.Popen[bytes]
METRICS = ("train/loss", "train/vocals_sdr", "train/accompaniment_sdr")
MakeTraining = Callable[[str, int], Training]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> MakeTraining:
    folder = tmp_path_factory.mktemp("trainings")
    cache, store = noise_cache(folder / "cache"), new_mlflow_store(folder / "mlflow.db")

    def make_training(name: str, processes: int) -> Training:
        return Training(folder / name, cache, store, processes=processes)

    return make_training


@pytest.fixture(scope="module")
def undisturbed(make: MakeTraining) -> Training:
    training = make("undisturbed", 1)
    outcome = training.run()
    assert outcome.code == 0, outcome.text
    return training


@pytest.fixture(scope="module")
def undisturbed_pair(make: MakeTraining) -> Training:
    training = make("undisturbed-pair", 2)
    outcome = training.run()
    assert outcome.code == 0, outcome.text
    return training


def assert_same(training: Training, expected: Training) -> None:
    assert training.weights == expected.weights
    assert training.curves == expected.curves
    for metric in METRICS:
        assert training.logged(metric) == expected.logged(metric)
    assert [step for step, _ in training.logged("train/loss")] == [10, 20, 30, 40]


def first_worker_starts(training: Training, launcher: Launcher) -> bool:
    return bool(workers(launcher))


def first_steps_are_made(training: Training, launcher: Launcher) -> bool:
    return any(maps_shards(worker) for worker in workers(launcher))


def first_checkpoint_is_written(training: Training, launcher: Launcher) -> bool:
    return any(training.scratch.glob("*/checkpoint.pt"))


def a_validation_is_logged(training: Training, launcher: Launcher) -> bool:
    return "validation at step 20" in training.text


MOMENTS = [first_worker_starts, first_steps_are_made, first_checkpoint_is_written, a_validation_is_logged]
Moment = Callable[[Training, Launcher], bool]


def test_finished_training_is_not_repeated(undisturbed: Training) -> None:
    before, run_id = undisturbed.weights, undisturbed.run_id
    outcome = undisturbed.run()
    assert outcome.code == 0
    assert "validation at" not in outcome.text
    assert (undisturbed.weights, undisturbed.run_id) == (before, run_id)
    assert len(undisturbed.logged("train/loss")) == 4


@pytest.mark.parametrize("moment", [MOMENTS[0], MOMENTS[-1]], ids=lambda moment: moment.__name__)
def test_killed_launcher_leaves_no_process_and_the_next_run_finishes(
    make: MakeTraining, undisturbed: Training, moment: Moment
) -> None:
    """At the first moment nothing exists yet, so the next command starts from the beginning with a new run."""
    training = make(f"launcher-{moment.__name__}", 1)
    launcher = training.start()
    wait_until(lambda: moment(training, launcher))
    launcher.kill()
    launcher.wait()
    assert not training.finished
    wait_until(lambda: not living(training), seconds=60)
    run_id = training.begun_run_id()
    outcome = training.run()
    assert outcome.code == 0, outcome.text
    assert training.run_id == run_id != undisturbed.run_id
    if moment in MOMENTS[2:]:
        assert "train: going on from step" in outcome.text
    assert_same(training, undisturbed)


@pytest.mark.parametrize("moment", MOMENTS[2:3], ids=lambda moment: moment.__name__)
def test_killed_worker_is_started_again(make: MakeTraining, undisturbed: Training, moment: Moment) -> None:
    training = make(f"worker-{moment.__name__}", 1)
    launcher = training.start()
    wait_until(lambda: moment(training, launcher))
    (worker,) = workers(launcher)
    worker.kill()
    assert launcher.wait(180) == 0, training.text
    assert_same(training, undisturbed)
    assert training.metrics == undisturbed.metrics


def test_training_with_dying_workers_ends_with_one_line(make: MakeTraining) -> None:
    training = make("keeps-dying", 1)
    launcher = training.start()
    seen: set[int] = set()

    def killed_again() -> bool:
        for worker in workers(launcher):
            if worker.pid not in seen and worker.is_running():
                seen.add(worker.pid)
                worker.kill()
        return launcher.poll() is not None

    wait_until(killed_again)
    assert launcher.returncode == 2
    assert len(seen) == 4  # the first one and three restarts
    assert "Traceback" not in training.text
    assert "the same command goes on" in training.text.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_training_ends_its_workers_and_says_how_to_continue(
    make: MakeTraining, number: signal.Signals
) -> None:
    training = make(f"interrupted-{number}", 1)
    launcher = training.start()
    wait_until(lambda: first_checkpoint_is_written(training, launcher))
    launcher.send_signal(number)
    assert launcher.wait(60) == 130
    wait_until(lambda: not living(training), seconds=60)
    assert "Traceback" not in training.text
    # a worker that ends at the same moment may print after it
    assert "stemline: interrupted; start the same command again to go on" in training.text.splitlines()


def test_two_processes_train_like_one(undisturbed: Training, undisturbed_pair: Training) -> None:
    one, two = (pd.read_csv(training.out / "curves.csv") for training in (undisturbed, undisturbed_pair))
    assert list(one["step"]) == list(two["step"])
    # the crops are the same; batch norm uses the crops of each process
    assert two["loss"].iloc[0] == pytest.approx(one["loss"].iloc[0], rel=0.05)
    assert two["loss"].iloc[-1] == pytest.approx(one["loss"].iloc[-1], rel=0.1)


def test_kill_of_one_of_two_processes_changes_nothing(make: MakeTraining, undisturbed_pair: Training) -> None:
    training = make("pair-0", 2)
    launcher = training.start()
    wait_until(lambda: a_validation_is_logged(training, launcher))
    pair = sorted(workers(launcher), key=lambda worker: int(worker.environ()["RANK"]))
    assert len(pair) == 2
    pair[0].kill()  # the one that writes checkpoints
    assert launcher.wait(180) == 0, training.text
    assert "going on from step" in training.text
    assert_same(training, undisturbed_pair)
    assert not [worker for worker in pair if psutil.pid_exists(worker.pid)]


def test_a_killed_training_that_starts_from_a_model_gives_the_undisturbed_weights(
    make: MakeTraining, tmp_path: Path
) -> None:
    start = start_model(tmp_path / "start", seed=5)
    undisturbed, training = (make(name, 1) for name in ("warm-undisturbed", "warm-killed"))
    for each in (undisturbed, training):
        each.start_model = start
    outcome = undisturbed.run()
    assert outcome.code == 0, outcome.text
    launcher = training.start()
    wait_until(lambda: first_checkpoint_is_written(training, launcher))
    launcher.kill()
    launcher.wait()
    wait_until(lambda: not living(training), seconds=60)
    outcome = training.run()
    assert outcome.code == 0, outcome.text
    assert training.weights == undisturbed.weights
    assert training.curves == undisturbed.curves
    for metric in METRICS[1:]:
        assert training.logged(metric) == undisturbed.logged(metric)
        assert [step for step, _ in training.logged(metric)] == [0, 10, 20, 30, 40]
    assert training.description["origin"]["started_from"]["address"] == "models:/made@champion"
