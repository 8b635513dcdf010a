"""The documents around the listening page: its secret key, and a listener's answers."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from components.core.base.documents import Document
from components.core.release.listening_result import Choice, ComparedModel

Role = Literal["challenger", "champion"]
Letter = Literal["A", "B"]


@dataclass(frozen=True)
class KeyRecording:
    """A recording of the page.

    source    its name in the catalogue, with the SHA-256 of its file
    start     where the excerpt begins, in seconds
    roles     which model is A and which is B
    level_db  level of A's stem minus that of B's, in dB, by target
    """

    source: str
    sha256: str
    start: float
    roles: dict[Letter, Role]
    level_db: dict[str, float]


class Key(Document):
    """The key to the letters: the model that is A in each recording; `recordings` has their names on the page."""

    FILE: ClassVar[str] = "key.json"
    REMEDY: ClassVar[str] = "give the folder that `python -m components.shadow` wrote"

    page: str
    challenger: ComparedModel
    champion: ComparedModel
    recordings: dict[str, KeyRecording]


@dataclass(frozen=True)
class Answer:
    """A listener's choice for a recording, and a comment."""

    recording: str
    choice: Choice
    comment: str = ""


class Answers(Document):
    """The answers from the page, with the names of page and listener."""

    REMEDY: ClassVar[str] = "copy or save all the answers of the page there"

    page: str
    listener: str = ""
    answers: tuple[Answer, ...]
