"""No secret is ever printed: not from the environment, not from an address, not from somebody else's error message."""

import os
import re
from dataclasses import replace

from components.doctor.finding import Finding

HIDDEN = "***"

_SECRET_NAME = re.compile(r"SECRET|PASSWORD|PASSWD|TOKEN|API_KEY|ACCESS_KEY|AUTH_STRING")
# also where a password holds a slash, which it must not
_IN_ADDRESS = re.compile(r"://(?:[^/\s]*|[^/:\s]*:\S*)@")
_SHORTEST = 4  # a shorter value is no secret, and would be found in every other word


def without_secrets(text: str) -> str:
    """Return `text` with `***` in place of users and passwords in addresses, and of secret variables' values."""
    hidden = _IN_ADDRESS.sub(f"://{HIDDEN}@", text)
    for value in _secrets():
        hidden = hidden.replace(value, HIDDEN)
    return hidden


def hide(finding: Finding) -> Finding:
    """Return the finding without secrets."""
    return replace(
        finding,
        what=without_secrets(finding.what),
        seen=without_secrets(finding.seen),
        do=without_secrets(finding.do),
    )


def _secrets() -> list[str]:
    """Return what must not be printed, the longest first: one may hold another."""
    values = {value for name, value in os.environ.items() if _SECRET_NAME.search(name)}
    return sorted((value for value in values if len(value) >= _SHORTEST), key=len, reverse=True)
