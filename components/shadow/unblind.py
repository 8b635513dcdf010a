"""`python -m components.shadow.unblind FOLDER ANSWERS`: tells which model a listener preferred.

The page's answers name letters. The key in FOLDER turns the letters into models; the result is FOLDER/listening.json.
"""

from collections import Counter
from pathlib import Path
from typing import Annotated, get_args

from scipy.stats import binomtest
from typer import Argument

from components.core.base.errors import UserError
from components.core.base.step_command import run_step_command
from components.core.release.listening_result import ListeningResult, Outcome, UnblindedAnswer
from components.shadow.key import Answer, Answers, Key


def unblind(key: Key, answers: Answers, where: str) -> ListeningResult:
    """Return which model was preferred; raises UserError when the answers at `where` belong to another page."""
    _require_fitting(key, answers, where)
    unblinded = [_unblind_answer(key, answer) for answer in answers.answers]
    counts = Counter(answer.preferred for answer in unblinded)
    decided = counts["challenger"] + counts["champion"]
    return ListeningResult(
        page=key.page,
        listener=answers.listener,
        challenger=key.challenger,
        champion=key.champion,
        counts={outcome: counts[outcome] for outcome in get_args(Outcome)},
        not_answered=len(key.recordings) - len(unblinded),
        p_value=float(binomtest(counts["challenger"], decided).pvalue) if decided else 1.0,
        answers=tuple(unblinded),
    )


def summarize(listening: ListeningResult) -> str:
    """Return the result as one line."""
    counts = listening.counts
    return (
        f"the challenger was better in {counts['challenger']}, the champion in {counts['champion']}, same in "
        f"{counts['same']}, cannot tell in {counts['cannot tell']}, not answered {listening.not_answered} "
        f"(exact sign test: p = {listening.p_value:.3g})"
    )


def _require_fitting(key: Key, answers: Answers, where: str) -> None:
    """Raise UserError unless the answers are for recordings of the key's page, at most one for each."""
    if answers.page != key.page:
        raise UserError(
            f"{where} has answers of the page {answers.page}, and the key is for the page {key.page}: give the folder "
            "of the answers' page"
        )
    if not answers.answers:
        raise UserError(f"{where} has no answers: choose for at least one recording")
    for name, count in Counter(answer.recording for answer in answers.answers).items():
        if name not in key.recordings:
            known = ", ".join(key.recordings)
            raise UserError(
                f"{where} has an answer for the recording '{name}', and the page has only {known}: correct the name"
            )
        if count > 1:
            raise UserError(f"{where} has {count} answers for the recording '{name}': leave one")


def _unblind_answer(key: Key, answer: Answer) -> UnblindedAnswer:
    recording = key.recordings[answer.recording]
    choice = answer.choice
    preferred: Outcome = recording.roles[choice] if choice == "A" or choice == "B" else choice
    return UnblindedAnswer(answer.recording, recording.source, choice, preferred, answer.comment)


def unblind_answers(
    folder: Annotated[Path, Argument(help="The folder that `python -m components.shadow` wrote.")],
    answers: Annotated[Path, Argument(help="The file with the page's answers.")],
) -> None:
    """Tell which model a listener preferred, and write it to FOLDER/listening.json."""
    listening = unblind(Key.read(folder), Answers.read_file(answers), str(answers))
    listening.write(folder)
    print(f"shadow: {summarize(listening)}")


if __name__ == "__main__":
    run_step_command(unblind_answers, "components.shadow.unblind")
