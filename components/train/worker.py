"""A worker: one process of the training, as torchrun starts it (`python -m components.train.worker`)."""

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import torch
from typer import Option, Typer

from components.core.base.errors import UserError
from components.core.base.garbage_collection import exclude_imports_from_collection
from components.core.base.params import load_section
from components.core.base.process_lifetime import end_with_parent
from components.core.data.cache_format import ShardReader
from components.core.data.training_curves import STEP, sdr_columns
from components.core.models.start_model import StartModel
from components.core.networks.base.separator import Separator
from components.core.networks.building import build_separator
from components.core.tracking import mlflow_runs
from components.train.checkpoint import CurveRow, new_state
from components.train.config import TrainConfig
from components.train.loop import Trainer
from components.train.process_group import ProcessGroup, joined_group
from components.train.warm_start import take_weights

FAILURE = "failure.txt"
"""File for a worker's UserError, which the launcher shows; torchrun passes on no messages."""

_COMPILERS = ("g++", "clang++", "c++")

app = Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    cache: Annotated[Path, Option(help="Folder of the shards.")],
    start: Annotated[Path, Option("--started-from", help="Folder of the model to start from.")],
    scratch: Annotated[Path, Option(help="Folder of this training.")],
    launcher: Annotated[int, Option(help="Process that started this one.")],
) -> None:
    """Train in this process, as params.yaml says.

    A UserError goes to `scratch`/failure.txt, and the process ends as if nothing was wrong: after an error torchrun
    would start the group three times more, in vain.
    """
    end_with_parent(launcher)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # only the launcher prints a line about Ctrl-C
    if not (scratch / FAILURE).exists():
        work(load_section("train", TrainConfig), cache, start, scratch)


def work(config: TrainConfig, cache: Path, start: Path, scratch: Path) -> None:
    """Join the group, continue from the checkpoint in `scratch` if there is one, and train to the end."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # for deterministic matrix products on a GPU
    torch.use_deterministic_algorithms(True)
    with joined_group() as group, _recorded_failure(scratch / FAILURE):
        _require_even_shares(config, group)
        _require_compiler(config, group)
        train, validation = ShardReader(cache, "train"), ShardReader(cache, "validation")
        state = new_state(config, _new_separator(config, train, start, group))
        exclude_imports_from_collection()  # now, since making an optimizer imports much of torch
        reporter = _Reporter(scratch)
        if state.restore(scratch) and group.leads:
            print(f"train: going on from step {state.step}", file=sys.stderr)
            reporter.log_missing(state.curves)
        is_warm = bool(StartModel.read(start).address)
        Trainer(config, state, train, validation, group, scratch, reporter.report, is_warm).run()


@contextmanager
def _recorded_failure(failure: Path) -> Iterator[None]:
    """Write a UserError to `failure` before the other processes notice the end of this one."""
    try:
        yield
    except UserError as error:
        failure.write_text(str(error), encoding="utf-8")
    except RuntimeError:
        if not failure.exists():  # else this error only says that another process has ended
            raise


def _require_even_shares(config: TrainConfig, group: ProcessGroup) -> None:
    """Raise UserError when some crops would have more weight, so that the number of processes changes the result."""
    parts = group.size * config.passes
    if config.batch % parts:
        raise UserError(
            f"train.batch: {config.batch} crops cannot be shared evenly by {group.size} processes "
            f"in {config.passes} passes each: set a multiple of {parts} in params.yaml"
        )


def _require_compiler(config: TrainConfig, group: ProcessGroup) -> None:
    if config.compile and group.device.type == "cpu" and not any(map(shutil.which, _COMPILERS)):
        raise UserError(
            f"train.compile: torch needs a C++ compiler ({', '.join(_COMPILERS)}), and none is installed: "
            "install one (Debian: apt-get install g++) or set it to false"
        )


def _new_separator(config: TrainConfig, reader: ShardReader, start: Path, group: ProcessGroup) -> Separator:
    torch.manual_seed(config.seed)
    separator = build_separator(config.network, len(reader.targets), reader.channels)
    take_weights(separator, reader, start)
    return separator.to(group.device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


class _Reporter:
    """Prints the numbers of each validation, and logs them to MLflow."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch

    def report(self, row: CurveRow) -> None:
        scores = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in row.items() if name != STEP)
        print(f"train: validation at step {row[STEP]:.0f}: {scores}", file=sys.stderr, flush=True)
        self._log(row)

    def log_missing(self, rows: list[CurveRow]) -> None:
        """Log the rows that a training, killed between its checkpoint and MLflow, did not log."""
        run = mlflow_runs.RunRef.read(self._scratch)
        if not rows:
            return
        column = next(iter(sdr_columns(rows[0])))  # a validation before the first step has no loss
        history = mlflow_runs.connect().get_metric_history(run.run_id, f"train/{column}")
        logged = {point.step for point in history}
        for row in rows:
            if row[STEP] not in logged:
                self._log(row)

    def _log(self, row: CurveRow) -> None:
        metrics = {f"train/{name}": value for name, value in row.items() if name != STEP}
        run = mlflow_runs.RunRef.read(self._scratch)
        mlflow_runs.log_metrics(mlflow_runs.connect(), run, metrics, int(row[STEP]))


if __name__ == "__main__":
    app()
