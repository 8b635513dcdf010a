"""Start the group, see it through, and turn its best weights into a model."""

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import parse_args
from torch.distributed.run import run as run_group

from components.core.base.errors import UserError
from components.core.base.files import digest_file, digest_folder, digest_parts, whole_file, write_json
from components.core.data.cache_format import INDEX, ShardReader
from components.core.models.bundle import save_model
from components.core.networks.registry import build_separator
from components.core.sound.profile import PROFILE
from components.core.tracking import mlflow_runs, provenance
from components.core.tracking.result_code import code_digest
from components.train.config import TrainConfig
from components.train.lock import alone_in, keep_newest
from components.train.profile_measurement import write_training_profile
from components.train.state import Outcome, read_outcome
from components.train.worker import FAILURE


def train(config: TrainConfig, cache: Path, out: Path, scratch: Path) -> None:
    """Train as `config` says on the shards in `cache`; write model, curves and the MLflow run's id to `out`.

    Unfinished work lies in a folder of `scratch` that is named by everything that decides the result, so that the same
    command goes on where a killed one stopped, and a changed one starts afresh. One that runs elsewhere is waited for.
    """
    reader = ShardReader(cache, "train")
    folder = scratch / training_key(config, cache)
    with alone_in(folder):
        keep_newest(scratch, folder)
        run = _run_of(config, cache, reader, folder)
        (folder / FAILURE).unlink(missing_ok=True)
        _launch(cache, folder)
        _export(config, reader, run, folder, out)


def training_key(config: TrainConfig, cache: Path) -> str:
    """Return the name of the training's scratch folder: a digest of its parameters, its data and its code."""
    code = code_digest("train", str(config.network.model_dump()["name"]))
    return digest_parts([config.model_dump_json(), digest_folder(cache), code])[:16]


def _run_of(config: TrainConfig, cache: Path, reader: ShardReader, folder: Path) -> mlflow_runs.RunRef:
    """Return the training's MLflow run: the one it began with, or a new one where the store does not have that."""
    client = mlflow_runs.connect()
    if (folder / mlflow_runs.RunRef.FILE).is_file():
        run = mlflow_runs.RunRef.read(folder)
        if mlflow_runs.has_run(run):
            return run
        print(
            f"train: MLflow run {run.run_id} is not in {mlflow_runs.store_address()}: a new one there", file=sys.stderr
        )
    datasets = sorted({track.name.split("/")[0] for track in reader.tracks})
    name = f"{config.network.model_dump()['name']} on {' + '.join(datasets)}"
    created = client.create_run(mlflow_runs.experiment_id(client), run_name=name)
    run = mlflow_runs.RunRef(run_id=created.info.run_id)
    mlflow_runs.log_params(client, run, flat_params(config.model_dump(mode="json")))
    tags = {
        "stage": "train",
        "train.git_commit": provenance.git_commit(),
        "train.dvc_lock": provenance.lock_digest(),
        "train.machine": provenance.hardware(),
        "train.data": digest_file(cache / INDEX),
        "train.datasets": " ".join(datasets),
        "train.targets": " ".join(reader.targets),
    }
    mlflow_runs.set_tags(client, run, tags | {f"package.{k}": v for k, v in provenance.package_versions().items()})
    mlflow_runs.log_data(client, run, "train", datasets, tags["train.data"], len(reader.tracks), cache)
    run.write(folder)
    return run


def flat_params(values: Mapping[str, Any], prefix: str = "train") -> dict[str, object]:
    """Return nested parameters as `train.network.bins` and the like, as MLflow wants them."""
    flat: dict[str, object] = {}
    for name, value in values.items():
        key = f"{prefix}.{name}"
        flat |= flat_params(value, key) if isinstance(value, Mapping) else {key: value}
    return flat


def _launch(cache: Path, folder: Path) -> None:
    """Run the group as torchrun does, in this process; torchrun's own PET_* variables apply (nodes, processes)."""
    options = [] if "PET_RDZV_ENDPOINT" in os.environ else ["--standalone"]
    if "PET_NPROC_PER_NODE" not in os.environ:
        options.append(f"--nproc-per-node={max(1, torch.cuda.device_count())}")
    worker = ["-m", "components.train.worker", "--cache", str(cache), "--scratch", str(folder)]
    parsed = parse_args(  # type: ignore[no-untyped-call]
        ["--max-restarts=3", *options, *worker, "--launcher", str(os.getpid())]
    )
    for name in logging.root.manager.loggerDict:  # each has a level of its own
        if name.startswith("torch.distributed.elastic"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    # threads that spin while they wait stand in each other's way: 4 % faster on an idle machine, and 3.7 times slower
    # on a busy one
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        run_group(parsed)  # type: ignore[no-untyped-call]
    except SignalException:  # torchrun's handlers of Ctrl-C and SIGTERM: the workers have been ended
        raise KeyboardInterrupt from None
    except ChildFailedError as error:
        raise UserError(f"train: a worker died ({_cause(error)}); the same command goes on from {folder}") from None
    if (folder / FAILURE).exists():
        raise UserError((folder / FAILURE).read_text(encoding="utf-8"))


def _cause(error: ChildFailedError) -> str:
    _, failure = error.get_first_failure()
    return f"exit code {failure.exitcode}, see its messages above"


def _export(config: TrainConfig, reader: ShardReader, run: mlflow_runs.RunRef, folder: Path, out: Path) -> None:
    separator = build_separator(config.network, len(reader.targets), reader.channels)
    outcome = read_outcome(folder)
    separator.load_state_dict(outcome.best.weights)
    origin = {
        "run_id": run.run_id,
        "step": outcome.best.step,
        "seed": config.seed,
        "git_commit": provenance.git_commit(),
        "packages": provenance.package_versions(),
    }
    save_model(out / "model", separator, config.network, reader.targets, reader.rate, reader.channels, origin)
    write_training_profile(reader, out / "model" / PROFILE, {"run_id": run.run_id, "split": "train"})
    _write_curves(outcome, out)
    run.write(out)


def _write_curves(outcome: Outcome, out: Path) -> None:
    """Write curves.csv (a row a validation), its SDRs once more a row a target, and metrics.json (the best row)."""
    curves = pd.DataFrame(outcome.curves)
    with whole_file(out / "curves.csv") as partial:
        curves.to_csv(partial, index=False)
    # long, since `dvc plots` would have to be told the targets by name
    long = curves.drop(columns="loss").melt("step", var_name="target", value_name="SDR")
    with whole_file(out / "validation.csv") as partial:
        long.assign(target=long["target"].str.removesuffix("_sdr")).to_csv(partial, index=False)
    best = outcome.best
    write_json(out / "metrics.json", curves[curves["step"] == best.step].iloc[0].to_dict())
    print(f"train: best at step {best.step}, validation SDR {best.score:.2f} dB", file=sys.stderr)
