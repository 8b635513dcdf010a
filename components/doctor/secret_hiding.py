"""No secret is ever printed by the doctor."""

from dataclasses import replace

from components.core.base.secrets import without_secrets
from components.doctor.finding import Finding


def hide(finding: Finding) -> Finding:
    """Return the finding without secrets."""
    return replace(
        finding,
        what=without_secrets(finding.what),
        seen=without_secrets(finding.seen),
        do=without_secrets(finding.do),
    )
