"""An MLflow run that was exported to a file, which is read without MLflow."""

from collections.abc import Mapping
from typing import ClassVar

from components.core.base.documents import Document
from components.core.data import artifacts


class ExportedRun(Document):
    """An MLflow run as a file beside an exported model, for when the store is gone.

    Each metric is a list of `(step, value)`; MLflow's own tags are left out.
    """

    FILE: ClassVar[str] = artifacts.RUN.file
    REMEDY: ClassVar[str] = "export the model again"

    run_id: str
    name: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, tuple[tuple[int, float], ...]]
