"""The network as a file for other runtimes."""

from pathlib import Path

from components.core.models.bundle import load_model
from components.core.tracking import mlflow_runs
from components.export.onnx.onnx_file import export_onnx

ARTIFACTS = "onnx"
"""Folder of the run's artifacts that it goes to."""


def export_network(train: Path, out: Path) -> Path:
    """Write the network of the model in `train` as `out`/network.onnx, and to its training's MLflow run.

    Raises UserError where it cannot be exported, or gives other numbers than torch (runtimes/onnx_file.py).
    """
    client, run = mlflow_runs.connect(), mlflow_runs.RunRef.read(train)
    mlflow_runs.require_run(run)
    path = export_onnx(load_model(train / "model"), out)
    client.log_artifact(run.run_id, str(path), ARTIFACTS)
    print(f"export: the network to {path}, and to MLflow run {run.run_id}")
    return path
