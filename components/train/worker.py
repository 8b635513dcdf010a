"""One process of the training group, as torchrun starts it: `python -m components.train.worker`."""

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from components.core.base.errors import UserError
from components.core.base.garbage_collection import exclude_imports_from_collection
from components.core.base.params import load_section
from components.core.base.process_lifetime import end_with_parent
from components.core.data.cache_format import ShardReader
from components.core.networks.base.separator import Separator
from components.core.networks.registry import build_separator
from components.core.tracking import mlflow_runs
from components.train.config import TrainConfig
from components.train.loop import Trainer
from components.train.process_group import Group, joined_group
from components.train.state import new_state

FAILURE = "failure.txt"
"""A user's error in a worker, for the launcher to show: torchrun passes on no messages."""


def main() -> None:
    """Train in this process; a UserError goes to `scratch`/failure.txt, and torchrun is told that all is well.

    Else it would start the group again, three times, for an error that would only come again.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--launcher", type=int, required=True, help="process that started this one")
    arguments = parser.parse_args()
    end_with_parent(arguments.launcher)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # what is to say about Ctrl-C, the launcher says
    if not (arguments.scratch / FAILURE).exists():
        work(load_section("train", TrainConfig), arguments.cache, arguments.scratch)


def work(config: TrainConfig, cache: Path, scratch: Path) -> None:
    """Join the group, go on from the checkpoint in `scratch` if there is one, and train to the end."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what deterministic matrix products on a GPU ask for
    torch.use_deterministic_algorithms(True)
    with joined_group() as group, _told(scratch / FAILURE):
        _require_even_shares(config, group)
        _require_compiler(config, group)
        train, validation = ShardReader(cache, "train"), ShardReader(cache, "validation")
        state = new_state(config, _fresh_separator(config, train, group))
        exclude_imports_from_collection()  # not before: torch imports much more for an optimizer
        reporter = _Reporter(scratch)
        if state.restore(scratch) and group.leads:
            print(f"train: going on from step {state.step}", file=sys.stderr)
            reporter.catch_up(state.curves)
        Trainer(config, state, train, validation, group, scratch, reporter).run()


@contextmanager
def _told(failure: Path) -> Iterator[None]:
    """Write a UserError down, before the other processes of the group notice that this one has gone."""
    try:
        yield
    except UserError as error:
        failure.write_text(str(error), encoding="utf-8")
    except RuntimeError:
        if not failure.exists():  # else it is only that another process has gone
            raise


def _require_even_shares(config: TrainConfig, group: Group) -> None:
    """Uneven shares would weigh some crops more than others, so that the processes' number changes the result."""
    parts = group.size * config.passes
    if config.batch % parts:
        raise UserError(
            f"train.batch: {config.batch} crops cannot be shared evenly by {group.size} processes "
            f"in {config.passes} passes each: set a multiple of {parts} in params.yaml"
        )


def _require_compiler(config: TrainConfig, group: Group) -> None:
    if config.compile and group.device.type == "cpu" and not any(map(shutil.which, _COMPILERS)):
        raise UserError(
            f"train.compile: torch needs a C++ compiler for it ({', '.join(_COMPILERS)}), and none is installed: "
            "install one (Debian: apt-get install g++) or set it to false"
        )


_COMPILERS = ("g++", "clang++", "c++")


def _fresh_separator(config: TrainConfig, reader: ShardReader, group: Group) -> Separator:
    torch.manual_seed(config.seed)
    separator = build_separator(config.network, len(reader.targets), reader.channels)
    return separator.to(group.device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


class _Reporter:
    """Says each validation in the log, and sends it to MLflow."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch

    def __call__(self, row: dict[str, float]) -> None:
        scores = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in row.items() if name != "step")
        print(f"train: validation at step {row['step']:.0f}: {scores}", file=sys.stderr, flush=True)
        self._log(row)

    def catch_up(self, rows: list[dict[str, float]]) -> None:
        """Send what a training that was killed between its checkpoint and MLflow did not send."""
        run = mlflow_runs.RunRef.read(self._scratch)
        sent = {point.step for point in mlflow_runs.connect().get_metric_history(run.run_id, "train/loss")}
        for row in rows:
            if row["step"] not in sent:
                self._log(row)

    def _log(self, row: dict[str, float]) -> None:
        metrics = {f"train/{name}": value for name, value in row.items() if name != "step"}
        mlflow_runs.log_metrics(
            mlflow_runs.connect(), mlflow_runs.RunRef.read(self._scratch), metrics, int(row["step"])
        )


if __name__ == "__main__":
    main()
