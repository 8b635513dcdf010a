"""A registered version, as the steps after registration pass it on in `version.json`."""

import json
from dataclasses import dataclass
from pathlib import Path

from components.core.base.errors import UserError

VERSION_FILE = "version.json"

TAKEN_BACK = "taken_back"
"""Tag of a version that a rollback replaced: when and why. The gate refuses it."""

NOT_APPROVED = "approval.refused"
"""Tag of a version that a person did not let go live: who, and why. The gate refuses it."""


@dataclass(frozen=True)
class VersionRef:
    """Name and number in the registry, the run that trained it, and the SHA-256 of its weights."""

    name: str
    version: int
    run_id: str
    sha256: str

    @staticmethod
    def read(folder: Path) -> "VersionRef":
        """Read `folder`/version.json; raises UserError when it is missing."""
        path = folder / VERSION_FILE
        if not path.is_file():
            raise UserError(f"{path} does not exist: register the model first (`stemline run` does)")
        return VersionRef(**json.loads(path.read_text(encoding="utf-8")))
