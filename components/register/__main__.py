"""`python -m components.register`: registers the trained model in MLflow."""

from pathlib import Path
from typing import Annotated

from typer import Option

from components.core.base.step_command import run_step_command
from components.core.base.workspace import WORKSPACE
from components.core.data.artifacts import MODEL, RUN, VERSION
from components.core.release.registry_sections import load_model_name
from components.core.tracking.mlflow_runs import RunRef
from components.register.register import register


def register_model(
    train: Annotated[Path, Option(help=f"Folder of the model and {RUN.file}.")] = WORKSPACE / MODEL.writer,
    out: Annotated[Path, Option(help=f"Folder for {VERSION.file}.")] = WORKSPACE / VERSION.writer,
) -> None:
    """Register the trained model as a version, once."""
    version = register(load_model_name(), MODEL.within(train), RunRef.read(train), out)
    print(f"register: models:/{version.name}/{version.version} (run {version.run_id})")


if __name__ == "__main__":
    run_step_command(register_model, "components.register")
