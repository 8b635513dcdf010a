"""`python -m components.gate`: judges a version. A refusal is a result, not an error: the exit code is 0."""

from pathlib import Path
from typing import Annotated

from typer import Option

from components.core.base.errors import UserError
from components.core.base.params import load_section
from components.core.base.step_command import run_step_command
from components.core.base.workspace import WORKSPACE
from components.core.release.version import VersionRef
from components.gate.config import GateConfig
from components.gate.gate import Champion, Evidence, gate


def judge(
    register: Annotated[Path, Option(help="Folder of version.json.")] = WORKSPACE / "register",
    scores: Annotated[Path, Option(help="Folder of the version's scores.")] = WORKSPACE / "evaluate",
    data: Annotated[Path, Option(help="Folder of the tracks' manifest.csv.")] = WORKSPACE / "acquire",
    champion: Annotated[int | None, Option(help="The live version, to compare with; 0: the shipped model.")] = None,
    champion_scores: Annotated[Path | None, Option(help="Folder of its scores on the same tracks.")] = None,
    out: Annotated[Path, Option(help="Folder for verdict.json.")] = WORKSPACE / "gate",
) -> None:
    """Judge whether a registered version may become the champion."""
    if (champion is None) != (champion_scores is None):
        raise UserError("gate: --champion and --champion-scores belong together: give both, or none without a champion")
    live = None if champion is None or champion_scores is None else Champion(champion, champion_scores)
    verdict = gate(load_section("gate", GateConfig), VersionRef.read(register), Evidence(scores, data), live, out)
    print(f"gate: version {verdict.version} {'passed' if verdict.passed else 'REFUSED'} ({verdict.rule})")
    for finding in verdict.findings:
        print(f"gate:   {'ok ' if finding.good else 'NO '} {finding.text}")


if __name__ == "__main__":
    run_step_command(judge, "components.gate")
