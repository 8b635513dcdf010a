"""The exit codes of every command of Stemline."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The result of a command.

    Scripts and schedulers read these numbers, so they never change (docs/separation.md, docs/operations.md). `OUTAGE`
    is EX_TEMPFAIL of sysexits.h.
    """

    DONE = 0
    USER_ERROR = 2
    """Something outside the code is wrong; one line on stderr names what, where, and what to do."""
    SOME_FAILED = 3
    """Some recordings failed; the same command tries them again."""
    SOME_QUARANTINED = 4
    """Some recordings can't be separated; the quarantine names the reason of each."""
    OUTAGE = 75
    """A server or store did not answer; the same command continues when it answers again."""
    INTERRUPTED = 130
    """Ctrl-C; the same command continues."""
