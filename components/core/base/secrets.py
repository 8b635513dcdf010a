"""No secret is ever shown: not from the environment, not from an address, not from somebody else's error message."""

import os
import re

HIDDEN = "***"

_SECRET_NAME = re.compile(r"SECRET|PASSWORD|PASSWD|TOKEN|API_KEY|ACCESS_KEY|AUTH_STRING|WEBHOOK")
# also where a password holds a slash, which it must not
_IN_ADDRESS = re.compile(r"://(?:[^/\s]*|[^/:\s]*:\S*)@")
_SHORTEST = 4  # a shorter value is no secret, and would be found in every other word


def without_secrets(text: str) -> str:
    """Return `text` with `***` in place of users and passwords in addresses, and of secret variables' values."""
    hidden = _IN_ADDRESS.sub(f"://{HIDDEN}@", text)
    for value in _secrets():
        hidden = hidden.replace(value, HIDDEN)
    return hidden


def _secrets() -> list[str]:
    """Return what must not be shown, the longest first: one may hold another."""
    values = {value for name, value in os.environ.items() if _SECRET_NAME.search(name)}
    return sorted((value for value in values if len(value) >= _SHORTEST), key=len, reverse=True)
