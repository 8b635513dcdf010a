"""What every `python -m components.<step>` does around its work."""

import os
import sys
from collections.abc import Callable

from components.core.errors import UserError
from components.core.lifeline import end_with_parent

USER_ERROR = 2
INTERRUPTED = 130


def run_step(work: Callable[[], None]) -> None:
    """Run a step's work as a program: a user's mistake is one line on stderr and exit code 2, Ctrl-C is 130.

    Under DVC or a flow the step is tied to its parent, so it never outlives the orchestrator.
    """
    if "DVC_ROOT" in os.environ or "STEMLINE_FLOW" in os.environ:
        end_with_parent()
    try:
        work()
    except UserError as error:
        print(f"stemline: {error}", file=sys.stderr)
        sys.exit(USER_ERROR)
    except KeyboardInterrupt:
        print("stemline: interrupted; start the same command again to go on", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except OSError as error:
        if error.errno is None:
            raise
        # a full disk is met while writing, when the system no longer says which file
        where = error.filename2 or error.filename or "a file that was being written"
        print(f"stemline: {where}: {os.strerror(error.errno)}", file=sys.stderr)
        sys.exit(USER_ERROR)
