"""What every `python -m components.<step>` does around its work."""

import os
import sys
from collections.abc import Callable

from components.core.errors import Away, UserError
from components.core.garbage import spare_imports
from components.core.lifeline import end_with_parent
from components.core.secrets import without_secrets
from components.core.waiting import outage

USER_ERROR = 2
INTERRUPTED = 130

AGAIN = "the same command goes on when that is back"
"""How the line ends of which waiting is the cure."""


def run_step(work: Callable[[], None]) -> None:
    """Run a step's work as a program: a user's mistake is one line on stderr and exit code 2, Ctrl-C is 130.

    Under DVC or a flow the step is tied to its parent, so it never outlives the orchestrator.
    """
    spare_imports()
    if "DVC_ROOT" in os.environ or "STEMLINE_FLOW" in os.environ:
        end_with_parent()
    try:
        work()
    except KeyboardInterrupt:
        print("stemline: interrupted; start the same command again to go on", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except Exception as error:
        said = in_one_line(error)
        if said is None:
            raise
        print(f"stemline: {without_secrets(said)}", file=sys.stderr)
        sys.exit(USER_ERROR)


def in_one_line(error: Exception) -> str | None:
    """Return the line for an error that a user can mend, or that passes; None for a mistake of ours."""
    if isinstance(error, UserError):
        # one that was said in words of its own still has in its context what did not answer
        return f"{error}; {AGAIN}" if isinstance(error, Away) or outage(error) else str(error)
    if isinstance(error, OSError) and error.errno is not None:
        # a full disk is met while writing, when the system no longer says which file
        where = error.filename2 or error.filename or "a file that was being written"
        return f"{where}: {os.strerror(error.errno)}"
    gone = outage(error)
    return f"{gone}; {AGAIN}" if gone else None
