"""The result of a blind listening: the document `listening.json`, from the shadow step to the approval."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from components.core.base.documents import Document

Choice = Literal["A", "B", "same", "cannot tell"]
Outcome = Literal["challenger", "champion", "same", "cannot tell"]


@dataclass(frozen=True)
class ComparedModel:
    """One of the two models: its address in the registry or its folder, and the SHA-256 of its weights."""

    called: str
    sha256: str


@dataclass(frozen=True)
class UnblindedAnswer:
    """A listener's choice for one recording, and the model that it stands for."""

    recording: str
    source: str
    choice: Choice
    preferred: Outcome
    comment: str


class ListeningResult(Document):
    """The result of a blind listening: the model that the listener preferred.

    counts        answers by outcome
    not_answered  recordings without an answer
    p_value       p-value of an exact two-sided sign test: the probability of answers this uneven from equal models
    """

    FILE: ClassVar[str] = "listening.json"
    REMEDY: ClassVar[str] = "run `python -m components.shadow.unblind` again"

    page: str
    listener: str
    challenger: ComparedModel
    champion: ComparedModel
    counts: dict[Outcome, int]
    not_answered: int
    p_value: float
    answers: tuple[UnblindedAnswer, ...]
