"""A person's yes to a verdict, as `approval.json` passes it on from the flow to promotion."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from components.core.base.errors import UserError
from components.core.base.files import write_json
from components.core.release.verdict import Verdict

APPROVAL_FILE = "approval.json"


@dataclass(frozen=True)
class Approval:
    """Who let version `version` of `name` go live on which verdict, and why.

    verdict    the verdict's digest: a yes to one is none to another
    listening  what a blind listening gave, where there was one
    """

    name: str
    version: int
    verdict: str
    by: str
    why: str
    listening: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write `folder`/approval.json."""
        write_json(folder / APPROVAL_FILE, asdict(self))

    @staticmethod
    def read(folder: Path, verdict: Verdict) -> "Approval":
        """Read `folder`/approval.json; raises UserError when it is missing, or a yes to anything but `verdict`."""
        path = folder / APPROVAL_FILE
        try:
            approval = Approval(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise UserError(
                f"{path} does not exist: nobody has approved version {verdict.version} of {verdict.name} "
                "(`stemline retrain --require-approval` asks)"
            ) from None
        except (json.JSONDecodeError, UnicodeDecodeError, TypeError):
            raise UserError(f"{path} is no approval: have it given again") from None
        if (approval.name, approval.version, approval.verdict) != (verdict.name, verdict.version, verdict.digest):
            raise UserError(
                f"{path} approves version {approval.version} of {approval.name} on another verdict than the one on "
                f"version {verdict.version} of {verdict.name}: have it given again"
            )
        return approval
