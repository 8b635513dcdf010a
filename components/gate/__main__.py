"""`python -m components.gate`: what the flow runs. A refusal is a result, not an error: exit code 0 either way."""

import argparse
from pathlib import Path

from components.core.base.params import load_section
from components.core.base.step_command import run_step
from components.core.base.workspace import WORKSPACE
from components.core.release.version import VersionRef
from components.gate.config import GateConfig
from components.gate.gate import Champion, Evidence, gate


def main() -> None:
    """Parse the command line and run the step."""
    parser = argparse.ArgumentParser(prog="python -m components.gate", description=__doc__)
    parser.add_argument("--register", type=Path, default=WORKSPACE / "register", help="folder of version.json")
    parser.add_argument("--scores", type=Path, default=WORKSPACE / "evaluate", help="folder of the version's scores")
    parser.add_argument("--data", type=Path, default=WORKSPACE / "acquire", help="folder of the tracks' manifest.csv")
    parser.add_argument("--champion", type=int, help="the version to compare with (none: the first-champion rule)")
    parser.add_argument("--champion-scores", type=Path, help="folder of its scores on the same tracks")
    parser.add_argument("--out", type=Path, default=WORKSPACE / "gate", help="folder for verdict.json")
    run_step(lambda: _work(parser.parse_args()))


def _work(arguments: argparse.Namespace) -> None:
    champion = Champion(arguments.champion, arguments.champion_scores) if arguments.champion else None
    version, evidence = VersionRef.read(arguments.register), Evidence(arguments.scores, arguments.data)
    verdict = gate(load_section("gate", GateConfig), version, evidence, champion, arguments.out)
    print(f"gate: version {verdict.version} {'passed' if verdict.passed else 'REFUSED'} ({verdict.rule})")
    for finding in verdict.findings:
        print(f"gate:   {'ok ' if finding.good else 'NO '} {finding.text}")


if __name__ == "__main__":
    main()
