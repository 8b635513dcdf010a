"""The summary at the end of a run."""

import io
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from components.core.base.errors import UserError
from components.core.release.verdict import Verdict
from components.core.release.version import VersionRef
from pipelines.terminal import summary


def write_results(folder: Path, judged: int = 3) -> None:
    """Write the small files that the summary reads."""
    rows = [
        {"system": system, "target": target, "SDR": 6.543, "SIR": 12.0, "SAR": float("nan"), "ISR": 9.0}
        for target in ("vocals", "accompaniment")
        for system in ("model", "mixture", "irm2")
    ]
    for step in ("evaluate", "gate", "register"):
        (folder / step).mkdir()
    pd.DataFrame(rows).to_csv(folder / "evaluate" / "table.csv", index=False)
    verdict = Verdict(
        name="vocal-isolation",
        version=judged,
        passed=False,
        rule="against champion 2",
        reasons=("vocals: -1.00 dB", "drums: fine"),
    )
    verdict.write(folder / "gate")
    VersionRef(name="vocal-isolation", version=3, run_id="run", sha256="digest").write(folder / "register")


def summarise(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(summary, "WORKSPACE", folder)
    out = io.StringIO()
    summary.print_summary("s3://label/stems", Console(file=out, width=100, highlight=False))
    return out.getvalue()


def test_summary_has_scores_verdict_and_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_results(tmp_path)
    text = summarise(tmp_path, monkeypatch)
    for part in (
        "this model",
        "ideal ratio mask",
        "6.54",
        "version 3 of vocal-isolation was refused by the gate (against champion 2)",
        "vocals: -1.00 dB",
        "drums: fine",
        "this run separated with models:/vocal-isolation-demo@champion",
        "`stemline separate` takes ",
        "s3://label/stems",
        (tmp_path / "report" / "index.html").as_uri(),
        "mlflow ui --backend-store-uri",
        "prefect server start",
        "dvc metrics show",
    ):
        assert part in text


def test_summary_omits_the_verdict_of_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_results(tmp_path, judged=2)
    text = summarise(tmp_path, monkeypatch)
    assert "version 3 of vocal-isolation is the champion already" in text
    assert "refused" not in text


def test_summary_before_any_verdict_is_a_user_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_results(tmp_path)
    (tmp_path / "gate" / Verdict.FILE).unlink()
    with pytest.raises(UserError, match="have the gate judge a version first"):
        summarise(tmp_path, monkeypatch)
