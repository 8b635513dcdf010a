"""The errors that a user reads."""


class UserError(Exception):
    """Something outside the code is wrong: a file, a parameter, a service.

    The message is one line: what is wrong, where, and what to do. Commands print it without a traceback and end with
    exit code 2.
    """


class Outage(UserError):  # noqa: N818
    """A server or store did not answer in time; the same command may succeed later."""
