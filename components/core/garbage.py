"""Python's garbage collector is kept from what steps import: torch, MLflow, pandas.

Of the 3.2 s of processor time that it takes to import these and to end, it had 1.3 s.
"""

import atexit
import gc
import sys

_WHILE_IMPORTING = 1_000_000
_THRESHOLDS = (700, 10, 10)  # Python's own


def rest_while_importing() -> None:
    """When a step is being started, `python -m components.<step>`, let the collector rest until `spare_imports`."""
    if sys.argv[:1] == ["-m"]:  # so it is until Python has found the module
        gc.set_threshold(_WHILE_IMPORTING)


def spare_imports() -> None:
    """Let the collector work, and leave alone all that is there now, and everything at this process's end."""
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    atexit.register(gc.freeze)
