"""The MLflow run of a training: its parameters, its data, and where it was made."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.core.base.files import digest_file
from components.core.data.artifacts import CACHE_INDEX
from components.core.data.cache_format import ShardReader
from components.core.models.start_model import StartModel
from components.core.tracking import mlflow_runs, provenance
from components.core.tracking.mlflow_runs import RunRef
from components.train.config import TrainConfig


def find_or_create_run(config: TrainConfig, cache: Path, start: Path, reader: ShardReader, folder: Path) -> RunRef:
    """Return the run that `folder` names, or a new one when there is none or the store does not have it."""
    client = mlflow_runs.connect()
    if (folder / RunRef.FILE).is_file():
        run = RunRef.read(folder)
        if mlflow_runs.has_run(run):
            return run
        address = mlflow_runs.store_address()
        print(f"train: MLflow run {run.run_id} is not in {address}: a new run is created there", file=sys.stderr)
    datasets = sorted({track.name.split("/")[0] for track in reader.tracks})
    name = f"{config.network.model_dump()['name']} on {' + '.join(datasets)}"
    created = client.create_run(mlflow_runs.experiment_id(client), run_name=name)
    run = RunRef(run_id=created.info.run_id)
    mlflow_runs.log_params(client, run, flat_params(config.model_dump(mode="json")))
    index_digest = digest_file(CACHE_INDEX.within(cache))
    tags = {
        "stage": "train",
        "train.git_commit": provenance.git_commit(),
        "train.dvc_lock": provenance.lock_digest(),
        "train.machine": provenance.hardware(),
        "train.data": index_digest,
        "train.datasets": " ".join(datasets),
        "train.targets": " ".join(reader.targets),
        "train.started_from": str(StartModel.read(start)),
    }
    packages = {f"package.{name}": version for name, version in provenance.package_versions().items()}
    mlflow_runs.set_tags(client, run, tags | packages)
    mlflow_runs.log_data(client, run, "train", datasets, index_digest, len(reader.tracks), cache)
    run.write(folder)
    return run


def flat_params(values: Mapping[str, Any], prefix: str = "train") -> dict[str, object]:
    """Return nested parameters under flat names such as `train.network.bins`."""
    flat: dict[str, object] = {}
    for name, value in values.items():
        key = f"{prefix}.{name}"
        flat |= flat_params(value, key) if isinstance(value, Mapping) else {key: value}
    return flat
