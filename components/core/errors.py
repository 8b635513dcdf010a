"""The one error a user is meant to see."""


class UserError(Exception):
    """Something outside the code is wrong: a file, a parameter, a service.

    The message is one line that says what is wrong, where, and what to do about it. Entry points print it
    without a traceback and end with exit code 2.
    """
