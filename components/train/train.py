"""The step: run a training to its end, and write its best weights as a model."""

import sys
from pathlib import Path

from components.core.base.files import digest_folder, digest_parts
from components.core.data import artifacts
from components.core.data.cache_format import ShardReader
from components.core.data.training_curves import write_curves
from components.core.models.model_folder import save_model
from components.core.models.start_model import StartModel
from components.core.networks.building import build_separator
from components.core.sound.training_profile import PROFILE
from components.core.tracking import provenance
from components.core.tracking.code_dependencies import code_digest
from components.core.tracking.mlflow_runs import RunRef
from components.train.checkpoint import read_outcome
from components.train.config import TrainConfig
from components.train.launcher import run_workers
from components.train.lock import delete_old_trainings, exclusive_training
from components.train.profile_measurement import write_training_profile
from components.train.training_run import find_or_create_run


def train(config: TrainConfig, cache: Path, start: Path, out: Path, scratch: Path) -> None:
    """Train as `config` says on the shards in `cache`; write model, curves and the MLflow run's id to `out`.

    `start` is the folder of the step `start`, with the model that the training starts from.
    Unfinished work lies in a folder of `scratch` with a name derived from everything that decides the result. So the
    same command continues a killed training, and a changed one starts afresh. A training that already runs elsewhere
    is waited for.
    """
    reader = ShardReader(cache, "train")
    folder = scratch / training_key(config, cache, start)
    with exclusive_training(folder):
        delete_old_trainings(scratch, folder)
        run = find_or_create_run(config, cache, start, reader, folder)
        run_workers(cache, start, folder)
        _export(config, reader, run, start, folder, out)


def training_key(config: TrainConfig, cache: Path, start: Path) -> str:
    """Return the name of the training's scratch folder: a digest of its parameters, data, first model and code."""
    code = code_digest("train", str(config.network.model_dump()["name"]))
    return digest_parts([config.model_dump_json(), digest_folder(cache), digest_folder(start), code])[:16]


def _export(config: TrainConfig, reader: ShardReader, run: RunRef, start: Path, folder: Path, out: Path) -> None:
    separator = build_separator(config.network, len(reader.targets), reader.channels)
    outcome = read_outcome(folder)
    separator.load_state_dict(outcome.best.weights)
    origin = {
        "run_id": run.run_id,
        "step": outcome.best.step,
        "seed": config.seed,
        "started_from": StartModel.read(start).model_dump(mode="json"),
        "git_commit": provenance.git_commit(),
        "packages": provenance.package_versions(),
    }
    model = artifacts.MODEL.within(out)
    save_model(model, separator, config.network, reader.targets, reader.rate, reader.channels, origin)
    write_training_profile(reader, model / PROFILE, {"run_id": run.run_id, "split": "train"})
    write_curves(out, outcome.curves, outcome.best.step)
    print(f"train: best at step {outcome.best.step}, validation SDR {outcome.best.score:.2f} dB", file=sys.stderr)
    run.write(out)
