"""All hostile and odd inputs as one catalogue: real workers account for every file correctly."""

from pathlib import Path

import pytest

from components.core.stores.selection import RECORDS
from components.separate.ledger.ledger_table import printable_key, read_rows
from tests.components.separate.hostile_corpus import write_corpus
from tests.support.tiny_models import run_python, save_tiny_model

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]


def test_catalogue_accounts_for_every_hostile_file(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    for folder in ("in", "scratch"):
        (tmp_path / folder).mkdir()
    expected = write_corpus(tmp_path / "in", tmp_path / "scratch")
    command = ["-m", "components.separate", "--models", "models", "--model", str(model), "in", "out"]
    result = run_python(*command, cwd=tmp_path)
    assert result.returncode == 4, result.stderr[-3000:]
    assert "Traceback" not in result.stderr
    found = {row.key: row for row in read_rows(tmp_path / "out" / RECORDS / "ledger.parquet")}
    wrong = []
    for name, said in expected.items():
        outcome = said if printable_key(name) == name else "not UTF-8"  # fit, but for its name
        row = found.get(printable_key(name))
        if row is None:
            continue  # not listed: its name is no recording's
        state = "done" if outcome == "fit" else "quarantined"
        if row.state != state or (state == "quarantined" and outcome not in row.reason):
            wrong.append((name, outcome, row.state, row.reason))
    assert not wrong
    assert len(found) >= 60
    assert {row.state for row in found.values()} == {"done", "quarantined"}
    again = run_python(*command, cwd=tmp_path)
    assert again.returncode == 4
    assert "= 0 done + " in again.stdout
