"""Where everything that a run makes lies: one ignored folder, a folder a step in it."""

import os
from pathlib import Path

WORKSPACE = Path(os.environ.get("STEMLINE_WORKSPACE", "workspace"))
"""Outputs by step (`acquire`, `cache`, `train` …), `scratch`, and the embedded stores `mlflow` and `prefect`."""

SCRATCH = Path(os.environ.get("STEMLINE_SCRATCH", WORKSPACE / "scratch"))
"""Unfinished work that a restart goes on from; safe to delete when nothing runs. Shared by the clones of a project."""
