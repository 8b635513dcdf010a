"""The work: one folder a step, and `core`, the ground floor that the steps share. No Prefect in here."""

import gc
import sys

if sys.argv[:1] == ["-m"]:  # a step is being started: `python -m components.<step>`
    # else its imports (torch, MLflow, pandas) are searched for garbage a thousand times; core/entry.py sets it back
    gc.set_threshold(1_000_000)
