"""The gate's verdict on a version, as `verdict.json` passes it on."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from components.core.base.errors import UserError
from components.core.base.files import digest_parts

VERDICT_FILE = "verdict.json"
PICTURE_FILE = "differences.png"
"""Beside it: what each track gained or lost."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: its name, whether it is good, and the sentence that says so with its numbers."""

    name: str
    good: bool
    text: str


@dataclass(frozen=True)
class Verdict:
    """Whether version `version` of the registered model `name` may be promoted, by which rule, and why.

    reasons       what refused it; or, where it passed, the comparison that let it pass
    champion      the version that it was compared with (0: there was none)
    test_digest   says on which tracks
    sha256        of its weights
    run_id        of its training
    findings      all that was looked at; speed and memory in them are measured, all else follows from the inputs
    """

    name: str
    version: int
    passed: bool
    rule: str
    reasons: tuple[str, ...]
    champion: int = 0
    test_digest: str = ""
    sha256: str = ""
    run_id: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def digest(self) -> str:
        """One number for the whole verdict."""
        return digest_parts([json.dumps(asdict(self), sort_keys=True)])

    @staticmethod
    def read(folder: Path) -> "Verdict":
        """Read `folder`/verdict.json; raises UserError when it is missing."""
        path = folder / VERDICT_FILE
        if not path.is_file():
            raise UserError(f"{path} does not exist: the gate has not judged a version yet (`stemline run` does)")
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        document["reasons"] = tuple(document["reasons"])
        document["findings"] = tuple(Finding(**finding) for finding in document.get("findings", ()))
        return Verdict(**document)
