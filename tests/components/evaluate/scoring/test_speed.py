"""Speeds of scoring, which the processor computes."""

from pathlib import Path

import pandas as pd
import pytest

from components.core.tracking import provenance
from components.evaluate.scoring.speed import write_speeds


def test_a_gpu_that_scoring_does_not_use_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "_output", lambda *command: "Some GPU")
    assert provenance.hardware() == "1 x Some GPU"
    write_speeds(tmp_path, {"model": 12.341, "mixture": 900.0})
    table = pd.read_csv(tmp_path / "speed.csv").set_index("system")
    assert dict(table["times_real_time"]) == {"model": 12.34, "mixture": 900.0}
    assert set(table["machine"]) == {provenance.processor()}
    assert "GPU" not in provenance.processor()
