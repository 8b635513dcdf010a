"""Where everything that a run makes lies: one ignored folder, a folder a step in it."""

import os
from pathlib import Path

WORKSPACE = Path(os.environ.get("STEMLINE_WORKSPACE", "workspace"))
"""Outputs by step (`acquire`, `cache`, `train` …), `scratch`, and the embedded stores `mlflow` and `prefect`."""

SHARED = Path(os.environ.get("STEMLINE_SHARED", WORKSPACE))
"""Where lies what the clones of a project share with it: the journal of promotions, and unfinished work."""

SCRATCH = SHARED / "scratch"
"""Unfinished work that a restart goes on from; safe to delete when nothing runs."""
