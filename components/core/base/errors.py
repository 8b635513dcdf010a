"""The errors a user is meant to see."""


class UserError(Exception):
    """Something outside the code is wrong: a file, a parameter, a service.

    The message is one line that says what is wrong, where, and what to do about it. Entry points print it
    without a traceback and end with exit code 2.
    """


class Outage(UserError):  # noqa: N818
    """A server or store did not answer for as long as it was asked: later the same command will do."""
