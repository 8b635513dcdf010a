"""The summary at the end of `stemline run`: scores, verdict, where the results are and how to look at them."""

from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from components.core.base.params import load_section
from components.core.base.workspace import WORKSPACE
from components.core.data.artifacts import REPORT, SCORE_TABLE, VERDICT, VERSION
from components.core.models.model_description import REGISTRY
from components.core.release.model_in_use import describe_model_in_use
from components.core.release.registry_sections import (
    PromoteConfig,
    is_demonstration,
    load_model_name,
    load_separating_model,
)
from components.core.release.verdict import Verdict
from components.core.release.version import VersionRef
from components.core.tracking.mlflow_runs import store_address

_SYSTEMS = {"model": "this model", "mixture": "the mixture itself", "irm2": "ideal ratio mask"}


def print_summary(destination: str, console: Console | None = None) -> None:
    """Print the summary of the run whose results are in the workspace."""
    out = console or Console(highlight=False)
    out.print(_score_table(SCORE_TABLE.below(WORKSPACE)))
    for number, line in enumerate(_verdict_lines()):
        out.print(f"{'' if number else 'Model':<8} {line}", soft_wrap=True)
    for name, where in (_models() | _places(destination)).items():
        out.print(f"{name:<8} {where}", soft_wrap=True)


def _verdict_lines() -> list[str]:
    version, verdict = VersionRef.read(WORKSPACE / VERSION.writer), Verdict.read(WORKSPACE / VERDICT.writer)
    if verdict.version != version.version:  # this version is live, and the verdict is about another one
        return [f"version {version.version} of {version.name} is the champion already"]
    passed = "passed the gate" if verdict.passed else "was refused by the gate"
    return [f"version {verdict.version} of {verdict.name} {passed} ({verdict.rule})", *verdict.reasons]


def _models() -> dict[str, str]:
    """Return which model `stemline separate` takes, and before it the demonstration that this run separated with."""
    promote = load_section("promote", PromoteConfig)
    in_use = {"Live": describe_model_in_use(load_separating_model(), promote)}
    if not is_demonstration():
        return in_use
    demonstration = f"{REGISTRY}{load_model_name()}@{promote.alias}"
    return {"Demo": f"this run separated with {demonstration}, which learned from demo songs alone"} | in_use


def _score_table(path: Path) -> Table:
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
        "Report": REPORT.below(WORKSPACE).resolve().as_uri(),
        "MLflow": f".venv/bin/mlflow ui --backend-store-uri {store_address()}",
        "Prefect": f"PREFECT_HOME={(WORKSPACE / 'prefect').resolve()} .venv/bin/prefect server start",
        "DVC": ".venv/bin/dvc metrics show; .venv/bin/dvc plots show; .venv/bin/dvc dag",
    }
