"""The gate's verdict on a version (`verdict.json`), and a person's approval of it (`approval.json`)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field

from components.core.base.documents import Document
from components.core.base.errors import UserError
from components.core.base.files import digest_parts
from components.core.data import artifacts


@dataclass(frozen=True)
class Finding:
    """One check of the gate: its name, whether it passed, and a sentence with its numbers."""

    name: str
    good: bool
    text: str


class Verdict(Document):
    """The decision whether version `version` of the registered model `name` may be promoted, its rule and its reasons.

    reasons       why it was refused; or, where it passed, the comparison that it passed
    champion      the version it was compared with; 0 where there was none
    test_digest   the digest of the test tracks
    sha256        the SHA-256 of the version's weights
    run_id        the MLflow run of its training
    findings      all checks; their speed and memory are measured, all else follows from the inputs
    """

    FILE: ClassVar[str] = artifacts.VERDICT.file
    REMEDY: ClassVar[str] = "have the gate judge a version first (`stemline run` does)"

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
        """The SHA-256 of the verdict's content, in hex; it does not depend on the document's format."""
        return digest_parts([json.dumps(self.model_dump(mode="json"), sort_keys=True)])


class Approval(Document):
    """The approval of version `version` of the model `name` by a person, with the reason.

    verdict     the digest of the approved verdict; the approval holds for no other one
    listening   the result of a blind listening, where there was one
    """

    FILE: ClassVar[str] = artifacts.APPROVAL.file
    REMEDY: ClassVar[str] = "ask for an approval with `stemline retrain --require-approval`"

    name: str
    version: int
    verdict: str
    by: str
    why: str
    listening: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def read_for(cls, verdict: Verdict, folder: Path) -> Self:
        """Read the approval of `verdict` in `folder`; raises UserError when it is missing or of another verdict."""
        approval = cls.read(folder)
        if (approval.name, approval.version, approval.verdict) != (verdict.name, verdict.version, verdict.digest):
            raise UserError(
                f"{folder / cls.FILE} approves version {approval.version} of {approval.name} on another verdict than "
                f"the one on version {verdict.version} of {verdict.name}: {cls.REMEDY}"
            )
        return approval
