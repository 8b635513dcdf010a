"""`python -m components.promote`: what the flow runs."""

import argparse
from pathlib import Path

from components.core.base.params import load_section
from components.core.base.step_command import run_step
from components.core.base.workspace import WORKSPACE
from components.core.release.approval import Approval
from components.core.release.verdict import Verdict
from components.promote.config import PromoteConfig
from components.promote.promotion import promote


def main() -> None:
    """Parse the command line and run the step."""
    parser = argparse.ArgumentParser(prog="python -m components.promote", description=__doc__)
    parser.add_argument("--gate", type=Path, default=WORKSPACE / "gate", help="folder of verdict.json")
    parser.add_argument("--approval", type=Path, help="folder of approval.json, without which nothing is promoted then")
    run_step(lambda: _work(parser.parse_args()))


def _work(arguments: argparse.Namespace) -> None:
    config, verdict = load_section("promote", PromoteConfig), Verdict.read(arguments.gate)
    needed = verdict.passed and arguments.approval is not None
    approval = Approval.read_for(verdict, arguments.approval) if needed else None
    entry = promote(config, verdict, approval)
    if entry:
        print(f"promote: version {verdict.version} is now @{config.alias} (entry {entry.number} of the journal)")
    elif verdict.passed:
        print(f"promote: version {verdict.version} is @{config.alias} already")
    else:
        print(f"promote: version {verdict.version} was refused by the gate; @{config.alias} stays as it is")


if __name__ == "__main__":
    main()
