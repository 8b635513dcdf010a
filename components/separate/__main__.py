"""`python -m components.separate SOURCE DESTINATION`: the step behind `stemline separate`."""

import sys

from components.core.base.step_command import run_step_command
from components.separate.workers.fork_server import start_server


def main() -> None:
    """Read the command line and run the step."""
    if "--dry-run" not in sys.argv:
        start_server()  # first: its imports take as long as those below
    from components.separate.command import separate

    run_step_command(separate, "components.separate")


if __name__ == "__main__":
    main()
