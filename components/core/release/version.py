"""A registered version of a model: the document `version.json`, and the tags that block a promotion."""

from typing import ClassVar

from components.core.base.documents import Document
from components.core.data import artifacts

ROLLED_BACK_TAG = "taken_back"
"""Tag of a version that a rollback replaced: when and why. The gate refuses it."""

REFUSED_TAG = "approval.refused"
"""Tag of a version that a person refused: who, and why. The gate refuses it."""


class VersionRef(Document):
    """Name and number in the registry, the run that trained it, and the SHA-256 of its weights."""

    FILE: ClassVar[str] = artifacts.VERSION.file
    REMEDY: ClassVar[str] = "register the model first (`stemline run` does)"

    name: str
    version: int
    run_id: str
    sha256: str
