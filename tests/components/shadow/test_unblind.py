"""Unblinding turns letters into models, counts them, and refuses answers that do not fit the page."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.core.base.errors import UserError
from components.core.release.listening_result import ComparedModel, ListeningResult
from components.shadow.key import Answers, Key, KeyRecording
from components.shadow.unblind import summarize, unblind, unblind_answers
from tests.support.step_commands import run_command


def key(challengers: str) -> Key:
    """Return a key in which the challenger has these letters."""
    recordings = {
        f"{number:02d}": KeyRecording(
            source=f"{number}.flac",
            sha256="0",
            start=0.0,
            roles={"A": "challenger", "B": "champion"} if letter == "A" else {"A": "champion", "B": "challenger"},
            level_db={},
        )
        for number, letter in enumerate(challengers, start=1)
    }
    side = ComparedModel("m/1", "1")
    return Key(page="p", challenger=side, champion=side, recordings=recordings)


def answers(folder: Path, *choices: str, **more: Any) -> Path:
    given = [{"recording": f"{number:02d}", "choice": choice} for number, choice in enumerate(choices, start=1)]
    path = folder / "answers.json"
    path.write_text(json.dumps({"page": "p", "answers": given, **more}), encoding="utf-8")
    return path


def listening(folder: Path, challengers: str, *choices: str) -> ListeningResult:
    return unblind(key(challengers), Answers.read_file(answers(folder, *choices)), "answers.json")


def test_unblind_turns_letters_into_models(tmp_path: Path) -> None:
    found = listening(tmp_path, "ABABA", "A", "A", "same", "cannot tell")
    assert found.counts == {"challenger": 1, "champion": 1, "same": 1, "cannot tell": 1}
    assert found.not_answered == 1
    assert [answer.preferred for answer in found.answers] == ["challenger", "champion", "same", "cannot tell"]
    assert summarize(found).endswith("not answered 1 (exact sign test: p = 1)")


@pytest.mark.parametrize(("ones", "others", "p"), [(6, 0, 2 / 2**6), (5, 1, 14 / 2**6), (0, 6, 2 / 2**6), (0, 0, 1.0)])
def test_p_value_is_of_the_sign_test(tmp_path: Path, ones: int, others: int, p: float) -> None:
    choices = "A" * ones + "B" * others
    found = listening(tmp_path, "A" * 8, *choices, "same")
    assert found.p_value == pytest.approx(p)


@pytest.mark.parametrize(
    ("choices", "more", "line"),
    [
        ("ABA", {}, "the recording '03', and the page has only 01, 02"),
        ("", {"answers": [{"recording": "01", "choice": "A"}] * 2}, "has 2 answers for the recording '01'"),
        ("A", {"page": "q"}, "answers of the page q, and the key is for the page p"),
        ("", {}, "has no answers"),
        ("C", {}, "answers.0.choice: Input should be 'A', 'B'"),
        ("A", {"extra": 1}, "extra: Extra inputs are not permitted"),
    ],
)
def test_answers_that_do_not_fit_are_a_user_error(
    tmp_path: Path, choices: str, more: dict[str, Any], line: str
) -> None:
    path = answers(tmp_path, *choices, **more)
    with pytest.raises(UserError, match=line):
        unblind(key("AB"), Answers.read_file(path), str(path))


def test_answers_that_are_not_json_are_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "answers.json").write_text("A is better", encoding="utf-8")
    with pytest.raises(UserError, match="not valid JSON"):
        Answers.read_file(tmp_path / "answers.json")


def test_command_writes_listening_and_prints_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = answers(tmp_path, "B", "B", listener="Ada")
    with pytest.raises(SystemExit):
        run_command(unblind_answers, str(tmp_path), str(path))
    assert "key.json does not exist" in capsys.readouterr().err
    key("BA").write(tmp_path)
    run_command(unblind_answers, str(tmp_path), str(path))
    assert capsys.readouterr().out.startswith("shadow: the challenger was better in 1, the champion in 1, same in 0")
    written = json.loads((tmp_path / "listening.json").read_text(encoding="utf-8"))
    assert (written["listener"], written["counts"]["challenger"]) == ("Ada", 1)
