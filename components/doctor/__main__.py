"""`python -m components.doctor [--store ADDRESS] [--json]`: is this set-up fit to run, and if not, what is to be done?

Ends with 0 when nothing stands in the way of the work, 1 when something does. Of each --store it is tried what may be
done there, with a small file below _stemline/doctor/ that is deleted again.
"""

import argparse
import sys

from components.core.base.step_command import run_step
from components.doctor.all_checks import checks
from components.doctor.check_runs import run_checks
from components.doctor.report import Found, document, exit_code, last_line, lines_of


def main() -> None:
    """Parse the command line and run the step."""
    parser = argparse.ArgumentParser(
        prog="python -m components.doctor", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--store",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="s3://bucket/folder or a folder; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="the findings as JSON")
    run_step(lambda: _work(parser.parse_args()))


def _work(arguments: argparse.Namespace) -> None:
    found: list[Found] = []
    for check, finding in run_checks(checks(arguments.store)):
        found.append((check, finding))
        if not arguments.json:
            print(*lines_of(check, finding), sep="\n", flush=True)
    findings = [finding for _, finding in found]
    print(document(found) if arguments.json else last_line(findings))
    sys.exit(exit_code(findings))


if __name__ == "__main__":
    main()
