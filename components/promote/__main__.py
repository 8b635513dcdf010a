"""`python -m components.promote`: promotes the version that the gate judged last."""

from pathlib import Path
from typing import Annotated

from typer import Option

from components.core.base.params import load_section
from components.core.base.step_command import run_step_command
from components.core.base.workspace import WORKSPACE
from components.core.data.artifacts import VERDICT
from components.core.release.registry_sections import PromoteConfig
from components.core.release.verdict import Approval, Verdict
from components.promote.promotion import promote


def promote_judged(
    gate: Annotated[Path, Option(help=f"Folder of {VERDICT.file}.")] = WORKSPACE / VERDICT.writer,
    approval: Annotated[
        Path | None, Option(help="Folder of approval.json; with this option nothing is promoted without one.")
    ] = None,
) -> None:
    """Make the judged version the champion, if it passed the gate."""
    config, verdict = load_section("promote", PromoteConfig), Verdict.read(gate)
    given = Approval.read_for(verdict, approval) if verdict.passed and approval is not None else None
    entry = promote(config, verdict, given)
    version = f"version {verdict.version} of {verdict.name}"
    if entry:
        print(f"promote: {version} is now @{config.alias} (entry {entry.number} of the journal)")
    elif verdict.passed:
        print(f"promote: {version} is @{config.alias} already")
    else:
        print(f"promote: {version} was refused by the gate; @{config.alias} stays as it is")


if __name__ == "__main__":
    run_step_command(promote_judged, "components.promote")
