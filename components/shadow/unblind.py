"""`python -m components.shadow.unblind FOLDER ANSWERS`: who was preferred, once all has been heard.

The page's answers name letters; with the key of `FOLDER` they become names, and are written to FOLDER/listening.json.
"""

import argparse
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from scipy.stats import binomtest

from components.core.base.errors import UserError
from components.core.base.files import write_json
from components.core.base.params import Section, parse_section
from components.core.base.step_command import run_step
from components.shadow.key import Key

LISTENING_FILE = "listening.json"

_OUTCOMES = ("challenger", "champion", "same", "cannot tell")


class Answer(Section):
    """What a listener chose for a recording, and said of it."""

    recording: str
    choice: Literal["A", "B", "same", "cannot tell"]
    comment: str = ""


class Answers(Section):
    """What the page gives out: its own name, the listener's, and the answers."""

    page: str
    listener: str = ""
    answers: tuple[Answer, ...]


def unblind(key: Key, answers: Answers, where: str) -> dict[str, Any]:
    """Return what `listening.json` says; raises UserError where the answers are not those of the key's page.

    `p_value` is that of an exact sign test, two-sided: how likely so uneven a choice is where both are alike.
    """
    _require_of(key, answers, where)
    heard = [_revealed(key, answer) for answer in answers.answers]
    counts = Counter(each["preferred"] for each in heard)
    one, other = counts["challenger"], counts["champion"]
    return {
        "page": key.page,
        "listener": answers.listener,
        "challenger": key.challenger.model_dump(),
        "champion": key.champion.model_dump(),
        "counts": {outcome: counts[outcome] for outcome in _OUTCOMES},
        "not_answered": len(key.recordings) - len(heard),
        "p_value": float(binomtest(one, one + other).pvalue) if one + other else 1.0,
        "answers": heard,
    }


def in_words(listening: dict[str, Any]) -> str:
    """Return the outcome as a line."""
    counts = listening["counts"]
    return (
        f"the challenger was better in {counts['challenger']}, the champion in {counts['champion']}, same in "
        f"{counts['same']}, cannot tell in {counts['cannot tell']}, not answered {listening['not_answered']} "
        f"(exact sign test: p = {listening['p_value']:.3g})"
    )


def read_answers(path: Path) -> Answers:
    """Read what the page gave out; raises UserError where it is nothing of the kind."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: save the answers of the page there") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise UserError(f"{path} is not JSON: copy the answers of the page as a whole") from None
    return parse_section("answers", document, Answers, str(path))


def _require_of(key: Key, answers: Answers, where: str) -> None:
    if answers.page != key.page:
        raise UserError(f"{where} has answers of the page {answers.page}, and this is {key.page}: take the other's")
    if not answers.answers:
        raise UserError(f"{where} has no answers: choose for one recording at least")
    names = Counter(answer.recording for answer in answers.answers)
    for name, times in names.items():
        if name not in key.recordings:
            known = ", ".join(key.recordings)
            raise UserError(
                f"{where} has an answer for the recording '{name}', which the page has not (it has {known})"
            )
        if times > 1:
            raise UserError(f"{where} has {times} answers for the recording '{name}': leave one")


def _revealed(key: Key, answer: Answer) -> dict[str, Any]:
    recording = key.recordings[answer.recording]
    roles: Mapping[str, str] = {str(letter): role for letter, role in recording.roles.items()}
    return {
        "recording": answer.recording,
        "source": recording.source,
        "choice": answer.choice,
        "preferred": roles.get(answer.choice, answer.choice),
        "comment": answer.comment,
    }


def main() -> None:
    """Parse the command line and say who was preferred."""
    parser = argparse.ArgumentParser(prog="python -m components.shadow.unblind", description=__doc__)
    parser.add_argument("folder", type=Path, help="what `python -m components.shadow` wrote")
    parser.add_argument("answers", type=Path, help="the page's answers")
    run_step(lambda: _work(parser.parse_args()))


def _work(arguments: argparse.Namespace) -> None:
    key, answers = Key.read(arguments.folder), read_answers(arguments.answers)
    listening = unblind(key, answers, str(arguments.answers))
    write_json(arguments.folder / LISTENING_FILE, listening)
    print(f"shadow: {in_words(listening)}")


if __name__ == "__main__":
    main()
