"""Which model is A and which is B, for each recording: `key.json`, which the page does not know."""

import json
from pathlib import Path
from typing import Literal

from components.core.base.errors import UserError
from components.core.base.files import write_json
from components.core.base.params import Section, parse_section

KEY_FILE = "key.json"

Role = Literal["challenger", "champion"]
Letter = Literal["A", "B"]


class Side(Section):
    """A model: what it is called, and the SHA-256 of its weights."""

    called: str
    sha256: str


class HeardRecording(Section):
    """A recording of the page: where it is from, who is A and B, and how much louder A's stems are, in dB."""

    source: str
    sha256: str
    start: float
    roles: dict[Letter, Role]
    level_db: dict[str, float]


class Key(Section):
    """All that the page keeps to itself; recordings by the name that they have there."""

    page: str
    challenger: Side
    champion: Side
    recordings: dict[str, HeardRecording]

    def write(self, folder: Path) -> None:
        """Write `folder`/key.json."""
        write_json(folder / KEY_FILE, self.model_dump(mode="json"))

    @staticmethod
    def read(folder: Path) -> "Key":
        """Read `folder`/key.json; raises UserError when it is missing, or no key."""
        path = folder / KEY_FILE
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UserError(
                f"{path} does not exist: give the folder that `python -m components.shadow` wrote"
            ) from None
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise UserError(f"{path} is not readable: run `python -m components.shadow` again") from None
        return parse_section("key", document, Key, str(path))
