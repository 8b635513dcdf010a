"""The launcher: starts the processes of a training with torchrun, inside this process, and waits for their end."""

import logging
import os
from pathlib import Path

import torch
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import parse_args
from torch.distributed.run import run as run_group

from components.core.base.errors import UserError
from components.train.worker import FAILURE


def run_workers(cache: Path, start: Path, folder: Path) -> None:
    """Train in `folder` with a process per GPU, or one; torchrun's PET_* variables choose nodes and processes.

    Raises UserError when a worker reports one, or when workers keep dying.
    """
    options = [] if "PET_RDZV_ENDPOINT" in os.environ else ["--standalone"]
    if "PET_NPROC_PER_NODE" not in os.environ:
        options.append(f"--nproc-per-node={max(1, torch.cuda.device_count())}")
    places = ["--cache", str(cache), "--started-from", str(start), "--scratch", str(folder)]
    worker = ["-m", "components.train.worker", *places]
    parsed = parse_args(  # type: ignore[no-untyped-call]
        ["--max-restarts=3", *options, *worker, "--launcher", str(os.getpid())]
    )
    _silence_torchrun()
    # threads that spin while they wait obstruct each other: without spinning a training is 4 % faster on an idle
    # machine, and 3.7 times faster on a busy one
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    failure = folder / FAILURE
    failure.unlink(missing_ok=True)
    try:
        run_group(parsed)  # type: ignore[no-untyped-call]
    except SignalException:  # torchrun caught Ctrl-C or SIGTERM and has ended the workers
        raise KeyboardInterrupt from None
    except ChildFailedError as error:
        _, cause = error.get_first_failure()
        raise UserError(
            f"train: a worker died (exit code {cause.exitcode}, see its messages above); "
            f"the same command goes on from {folder}"
        ) from None
    if failure.exists():
        raise UserError(failure.read_text(encoding="utf-8"))


def _silence_torchrun() -> None:
    for name in logging.root.manager.loggerDict:  # each logger has its own level
        if name.startswith("torch.distributed.elastic"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
