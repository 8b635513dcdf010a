"""The workspace: one ignored folder with everything that a run makes, one folder per step.

STEMLINE_WORKSPACE moves it, except for the outputs of DVC's stages: dvc.yaml names them below `workspace/`.
"""

import os
from pathlib import Path

WORKSPACE = Path(os.environ.get("STEMLINE_WORKSPACE", "workspace"))
"""Outputs by step (`acquire`, `cache`, `train` …), `scratch`, and the embedded stores `mlflow` and `prefect`."""

SHARED = Path(os.environ.get("STEMLINE_SHARED", WORKSPACE))
"""The folder that all clones of a project share: the journal of promotions, and unfinished work."""

SCRATCH = SHARED / "scratch"
"""Unfinished work that a restart continues; safe to delete when nothing runs."""
