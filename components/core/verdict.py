"""The gate's verdict on a version, as `verdict.json` passes it on."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from components.core.errors import UserError
from components.core.files import digest_parts

VERDICT_FILE = "verdict.json"


@dataclass(frozen=True)
class Verdict:
    """Whether version `version` of the registered model `name` may be promoted, by which rule, and why.

    `champion` is the version that it was compared with (0: there was none), `test_digest` says on which tracks,
    `sha256` is that of its weights.
    """

    name: str
    version: int
    passed: bool
    rule: str
    reasons: tuple[str, ...]
    champion: int = 0
    test_digest: str = ""
    sha256: str = ""

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
        document = json.loads(path.read_text(encoding="utf-8"))
        return Verdict(**(document | {"reasons": tuple(document["reasons"])}))
