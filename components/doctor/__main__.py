"""`python -m components.doctor [--store ADDRESS] [--json]`: checks whether this set-up can run Stemline.

Ends with 2 when a problem stops some work, else with 0. In each --store it writes a small file below
_stemline/doctor/ to try its rights, and deletes it again.
"""

import sys
from typing import Annotated

from typer import Option

from components.core.base.progress import Progress
from components.core.base.step_command import run_step_command
from components.doctor.all_checks import list_checks
from components.doctor.check_runs import run_checks
from components.doctor.output import CheckedFinding, exit_code, print_json, print_report


def doctor(
    store: Annotated[
        list[str] | None, Option(metavar="ADDRESS", help="A folder or s3://bucket/folder to try. Repeatable.")
    ] = None,
    as_json: Annotated[bool, Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Check versions, programs, devices, servers, stores, disk, clock and project; say what to do."""
    checks = list_checks(store or ())
    progress = Progress("doctor", len(checks), "checks")
    found: list[CheckedFinding] = []
    for check, findings in run_checks(checks):
        found += [(check, finding) for finding in findings]
        progress.advance()
    (print_json if as_json else print_report)(found)
    sys.exit(exit_code([finding for _, finding in found]))


if __name__ == "__main__":
    run_step_command(doctor, "components.doctor")
