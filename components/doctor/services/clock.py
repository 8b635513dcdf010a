"""Check of the clock against the servers' clocks: S3 refuses requests with a wrong time, and runs get a wrong order."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from components.core.base.errors import UserError
from components.core.base.http import Response, request
from components.doctor.finding import Finding, Findings, not_used, ok, problem, warning

HARMLESS_SECONDS = 2.0
"""A difference of so much has no effect."""

REFUSED_SECONDS = 300.0
"""From this difference on stores may refuse signed requests: AWS at 15 minutes, others at 5."""

SERVERS = (
    "MLFLOW_TRACKING_URI",
    "PREFECT_API_URL",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "MLFLOW_S3_ENDPOINT_URL",
)
"""Environment variables that may name a server."""


def check_clock(environment: Mapping[str, str]) -> Findings:
    """Compare this machine's clock with the Date of every server that `environment` names."""
    addresses = {environment.get(name, "") for name in SERVERS}
    servers = sorted(address for address in addresses if address.startswith(("http://", "https://")))
    for address in servers:
        yield _compare_clock(address)
    if not servers:
        yield not_used("clock", "no server is set to compare it with")


def _compare_clock(address: str) -> Finding:
    try:
        offset, error_bound = measure_offset(request(address))
    except UserError as error:
        return not_used("clock", f"{address} gives no time: {error}")
    direction = "behind" if offset > 0 else "ahead of"
    observation = f"{abs(offset):.1f} s {direction} {address} (± {error_bound:.1f} s)"
    if abs(offset) - error_bound <= HARMLESS_SECONDS:
        return ok("clock", observation)
    judge = problem if abs(offset) > REFUSED_SECONDS else warning
    return judge(
        "clock", observation, "find out which clock is wrong: timedatectl; let NTP set it (chrony, systemd-timesyncd)"
    )


def measure_offset(answer: Response) -> tuple[float, float]:
    """Return the seconds by which the server's clock is ahead of this one, and the largest error of this number.

    A Date has whole seconds: the server read its clock at most one second after it, between the request and the answer.
    Raises UserError when there is no Date.
    """
    try:
        date = parsedate_to_datetime(answer.date).timestamp()
    except (TypeError, ValueError):
        raise UserError("its answer has no valid Date") from None
    earliest, latest = date - answer.received, date + 1.0 - answer.sent
    return (earliest + latest) / 2, (latest - earliest) / 2
