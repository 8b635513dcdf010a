"""From letters back to models, with the strictness that a vote deserves."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.core.base.errors import UserError
from components.shadow import unblind as program
from components.shadow.key import HeardRecording, Key, Side
from components.shadow.unblind import in_words, read_answers, unblind


def key(challengers: str) -> Key:
    """A page on which the challenger is A or B, as the letters say."""
    recordings = {
        f"{number:02d}": HeardRecording(
            source=f"{number}.flac",
            sha256="0",
            start=0.0,
            roles={"A": "challenger", "B": "champion"} if letter == "A" else {"A": "champion", "B": "challenger"},
            level_db={},
        )
        for number, letter in enumerate(challengers, start=1)
    }
    side = Side(called="m/1", sha256="1")
    return Key(page="p", challenger=side, champion=side, recordings=recordings)


def answers(folder: Path, *choices: str, **more: Any) -> Path:
    given = [{"recording": f"{number:02d}", "choice": choice} for number, choice in enumerate(choices, start=1)]
    path = folder / "answers.json"
    path.write_text(json.dumps({"page": "p", "answers": given, **more}), encoding="utf-8")
    return path


def listening(folder: Path, challengers: str, *choices: str) -> dict[str, Any]:
    return unblind(key(challengers), read_answers(answers(folder, *choices)), "answers.json")


def test_letters_become_models(tmp_path: Path) -> None:
    found = listening(tmp_path, "ABABA", "A", "A", "same", "cannot tell")
    assert found["counts"] == {"challenger": 1, "champion": 1, "same": 1, "cannot tell": 1}
    assert found["not_answered"] == 1
    assert [answer["preferred"] for answer in found["answers"]] == ["challenger", "champion", "same", "cannot tell"]
    assert in_words(found).endswith("not answered 1 (exact sign test: p = 1)")


@pytest.mark.parametrize(("ones", "others", "p"), [(6, 0, 2 / 2**6), (5, 1, 14 / 2**6), (0, 6, 2 / 2**6), (0, 0, 1.0)])
def test_p_is_that_of_the_sign_test(tmp_path: Path, ones: int, others: int, p: float) -> None:
    choices = "A" * ones + "B" * others
    found = listening(tmp_path, "A" * 8, *choices, "same")
    assert found["p_value"] == pytest.approx(p)


@pytest.mark.parametrize(
    ("choices", "more", "line"),
    [
        ("ABA", {}, r"the recording '03', which the page has not \(it has 01, 02\)"),
        ("", {"answers": [{"recording": "01", "choice": "A"}] * 2}, "has 2 answers for the recording '01'"),
        ("A", {"page": "q"}, "answers of the page q, and this is p"),
        ("", {}, "has no answers"),
        ("C", {}, "answers.answers.0.choice: Input should be 'A', 'B'"),
        ("A", {"extra": 1}, "answers.extra: no such parameter"),
    ],
)
def test_answers_that_do_not_fit_are_one_line(tmp_path: Path, choices: str, more: dict[str, Any], line: str) -> None:
    path = answers(tmp_path, *choices, **more)
    with pytest.raises(UserError, match=line):
        unblind(key("AB"), read_answers(path), str(path))


def test_what_is_no_json_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "answers.json").write_text("A is better", encoding="utf-8")
    with pytest.raises(UserError, match="is not JSON"):
        read_answers(tmp_path / "answers.json")


def test_the_command_writes_listening_and_says_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = answers(tmp_path, "B", "B", listener="Ada")
    monkeypatch.setattr("sys.argv", ["unblind", str(tmp_path), str(path)])
    with pytest.raises(SystemExit):
        program.main()
    assert "key.json does not exist" in capsys.readouterr().err
    key("BA").write(tmp_path)
    program.main()
    assert capsys.readouterr().out.startswith("shadow: the challenger was better in 1, the champion in 1, same in 0")
    written = json.loads((tmp_path / "listening.json").read_text(encoding="utf-8"))
    assert (written["listener"], written["counts"]["challenger"]) == ("Ada", 1)
