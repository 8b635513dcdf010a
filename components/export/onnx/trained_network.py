"""The export of the trained network: from the folder of `train` to an ONNX file, which is logged to MLflow."""

from pathlib import Path

from components.core.data.artifacts import MODEL
from components.core.models.bundle import load_model
from components.core.tracking import mlflow_runs
from components.export.onnx.onnx_export import export_onnx

ARTIFACT_FOLDER = "onnx"
"""The folder among the artifacts of the MLflow run in which the file lies."""


def export_network(train: Path, out: Path) -> Path:
    """Write the network of the model in `train` as `out`/network.onnx, and log it to the training's MLflow run.

    Raises UserError when the network cannot be exported, or the file gives other numbers than torch.
    """
    client, run = mlflow_runs.connect(), mlflow_runs.RunRef.read(train)
    mlflow_runs.require_run(run)
    path = export_onnx(load_model(MODEL.within(train)), out)
    client.log_artifact(run.run_id, str(path), ARTIFACT_FOLDER)
    print(f"export: the network to {path}, and to MLflow run {run.run_id}")
    return path
