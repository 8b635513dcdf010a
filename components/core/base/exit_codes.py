"""The exit codes of every command of Stemline, and what each means."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command says with its exit code.

    The numbers are part of the command line's contract (docs/separation.md, docs/operations.md): scripts and schedulers
    read them. `OUTAGE` is the number that sysexits.h gives to "try again later".
    """

    DONE = 0
    USER_ERROR = 2
    """Something outside the code is wrong; one line on stderr says what, where, and what to do."""
    SOME_FAILED = 3
    """Some recordings failed; the same command tries them again."""
    SOME_QUARANTINED = 4
    """Some recordings can't be separated; each has its reason in quarantine."""
    OUTAGE = 75
    """A server or store did not answer; the same command goes on when it is back."""
    INTERRUPTED = 130
    """Ctrl-C; the same command goes on."""
