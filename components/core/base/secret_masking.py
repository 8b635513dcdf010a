"""Hides secrets in text that is shown: in addresses, and in the values of environment variables."""

import os
import re

HIDDEN = "***"

_SECRET_NAME = re.compile(r"SECRET|PASSWORD|PASSWD|TOKEN|API_KEY|ACCESS_KEY|AUTH_STRING|WEBHOOK")
# the second form finds a password that contains a slash, although an address must not have one
_IN_ADDRESS = re.compile(r"://(?:[^/\s]*|[^/:\s]*:\S*)@")
_SHORTEST = 4  # a shorter value is no secret, and is part of many words


def without_secrets(text: str) -> str:
    """Return `text` with `***` for logins in addresses and for the values of secret environment variables."""
    hidden = _IN_ADDRESS.sub(f"://{HIDDEN}@", text)
    for value in _secret_values():
        hidden = hidden.replace(value, HIDDEN)
    return hidden


def _secret_values() -> list[str]:
    """Return the secret values, longest first, since one may contain another."""
    values = {value for name, value in os.environ.items() if _SECRET_NAME.search(name)}
    return sorted((value for value in values if len(value) >= _SHORTEST), key=len, reverse=True)
