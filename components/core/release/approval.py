"""A person's approval of a verdict: the document `approval.json`, from the flow to promotion."""

from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field

from components.core.base.documents import Document
from components.core.base.errors import UserError
from components.core.data import artifacts
from components.core.release.verdict import Verdict


class Approval(Document):
    """Who approved version `version` of the model `name`, and why.

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
