"""The gain and the cost of post-processing.

    python -m benchmarks.post_processing --model workspace/train/model --cache workspace/cache

Separates the validation tracks of a cache with one model and every method that turns its estimates into stems. Prints
SDR (median over 1 s frames, then over tracks), the mean difference to the model alone over the tracks, and the speed as
a multiple of real time. With --log each method becomes an MLflow run. The test tracks are not used.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.validation_tracks import score_tracks
from components.core.data.cache_format import ShardReader
from components.core.models.model_folder import load_model
from components.core.separating.postprocessing import post_processed
from components.core.separating.postprocessing_config import PostProcessing
from components.core.tracking import mlflow_runs

METHODS = {
    "native": PostProcessing(),
    "ratio, exponent 1": PostProcessing(method="ratio", exponent=1.0),
    "ratio, exponent 2": PostProcessing(method="ratio", exponent=2.0),
    "wiener, 1 iteration": PostProcessing(method="wiener", iterations=1),
    "wiener, 2 iterations": PostProcessing(method="wiener", iterations=2),
    "overlap 0.5": PostProcessing(overlap=0.5),
    "overlap 0.75": PostProcessing(overlap=0.75),
    "shifts 2": PostProcessing(shifts=2),
    "shifts 4": PostProcessing(shifts=4),
    "shifts 4, wiener": PostProcessing(method="wiener", shifts=4),
}


def main() -> None:
    """Print a row for each method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("workspace/train/model"))
    parser.add_argument("--cache", type=Path, default=Path("workspace/cache"))
    parser.add_argument("--log", action="store_true", help="log each method as a run to MLflow")
    arguments = parser.parse_args()
    model, reader = load_model(arguments.model), ShardReader(arguments.cache, "validation")
    print(f"{len(reader.tracks)} validation tracks, {torch.get_num_threads()} threads")
    names = " | ".join(f"{target} SDR | against native" for target in reader.targets)
    print(f"| method | {names} | times real time |\n|---|{'---|---|' * len(reader.targets)}---|", flush=True)
    base: NDArray[np.float64] | None = None
    for name, post in METHODS.items():
        scored = score_tracks(post_processed(model.separator, post), reader, post.overlap)
        scores, speed = scored.sdr, scored.speed
        base = scores if base is None else base
        medians, gains = np.nanmedian(scores, axis=0), np.nanmean(scores - base, axis=0)
        cells = " | ".join(f"{median:.2f} | {gain:+.2f}" for median, gain in zip(medians, gains, strict=True))
        print(f"| {name} | {cells} | {speed:.1f} |", flush=True)
        if arguments.log:
            values = {f"validation/{target}_sdr": value for target, value in zip(reader.targets, medians, strict=True)}
            _log(name, post, model.digest, values | {"validation/times_real_time": speed})


def _log(name: str, post: PostProcessing, model: str, metrics: dict[str, float]) -> None:
    client = mlflow_runs.connect()
    created = client.create_run(mlflow_runs.experiment_id(client), run_name=f"post-processing: {name}")
    run = mlflow_runs.RunRef(run_id=created.info.run_id)
    mlflow_runs.log_params(client, run, {f"post.{key}": value for key, value in post.model_dump(mode="json").items()})
    mlflow_runs.set_tags(client, run, {"stage": "post-processing", "model_digest": model})
    mlflow_runs.log_metrics(client, run, metrics, 0)
    client.set_terminated(run.run_id)


if __name__ == "__main__":
    main()
