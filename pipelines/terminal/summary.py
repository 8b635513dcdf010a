"""What a run ends with in the terminal: scores, verdict, where everything lies and how to look at it."""

from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from components.core.base.workspace import WORKSPACE
from components.core.release.verdict import Verdict
from components.core.release.version import VersionRef
from components.core.tracking.mlflow_runs import store_address

_SYSTEMS = {"model": "this model", "mixture": "the mixture itself", "irm2": "ideal ratio mask"}


def print_summary(destination: str, console: Console | None = None) -> None:
    """Print the summary of the run whose results lie in the workspace."""
    out = console or Console(highlight=False)
    out.print(_scores(WORKSPACE / "evaluate" / "table.csv"))
    for number, line in enumerate(_model()):
        out.print(f"{'' if number else 'Model':<8} {line}", soft_wrap=True)
    for name, place in _places(destination).items():
        out.print(f"{name:<8} {place}", soft_wrap=True)


def _model() -> list[str]:
    version, verdict = VersionRef.read(WORKSPACE / "register"), Verdict.read(WORKSPACE / "gate")
    if verdict.version != version.version:  # the verdict that lies there is another's: this one is live
        return [f"version {version.version} of {version.name} is the champion already"]
    passed = "passed the gate" if verdict.passed else "was refused by the gate"
    return [f"version {verdict.version} of {verdict.name} {passed} ({verdict.rule})", *verdict.reasons]


def _scores(path: Path) -> Table:
    scores = pd.read_csv(path)
    table = Table(title="Scores on the test tracks (BSS Eval v4, dB; median over frames, then over tracks)")
    for column in ("system", "target", "SDR", "SIR", "SAR", "ISR"):
        table.add_column(column, justify="left" if column in ("system", "target") else "right")
    for row in scores.to_dict("records"):
        numbers = [f"{row[metric]:.2f}" for metric in ("SDR", "SIR", "SAR", "ISR")]
        table.add_row(_SYSTEMS.get(str(row["system"]), str(row["system"])), str(row["target"]), *numbers)
    return table


def _places(destination: str) -> dict[str, str]:
    return {
        "Stems": destination,
        "Report": f"{(WORKSPACE / 'report' / 'index.html').resolve().as_uri()}",
        "MLflow": f".venv/bin/mlflow ui --backend-store-uri {store_address()}",
        "Prefect": f"PREFECT_HOME={(WORKSPACE / 'prefect').resolve()} .venv/bin/prefect server start",
        "DVC": ".venv/bin/dvc metrics show; .venv/bin/dvc plots show; .venv/bin/dvc dag",
    }
