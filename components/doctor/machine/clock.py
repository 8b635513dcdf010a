"""The clock, against those of the servers: S3 refuses requests of a wrong time, and runs would be out of order."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from components.core.base.errors import UserError
from components.core.base.http import Response, request
from components.doctor.finding import Finding, Findings, not_used, ok, problem, warning

MOST = 2.0
"""Seconds of difference that nobody notices."""

REFUSED = 300.0
"""Seconds from where on stores may refuse what is signed: AWS at 15 minutes, others at 5."""

SERVERS = (
    "MLFLOW_TRACKING_URI",
    "PREFECT_API_URL",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "MLFLOW_S3_ENDPOINT_URL",
)
"""Variables that may name a server."""


def check_clock(environment: Mapping[str, str]) -> Findings:
    """Compare this machine's clock with the Date of every server that `environment` names."""
    addresses = [environment.get(name, "") for name in SERVERS]
    named = sorted({address for address in addresses if address.startswith(("http://", "https://"))})
    for address in named:
        yield _compared(address)
    if not named:
        yield not_used("clock", "no server is named whose clock it could be compared with")


def _compared(address: str) -> Finding:
    try:
        answer = request(address)
        off, unsure = skew(answer)
    except UserError as error:
        return not_used("clock", f"{address} gives no time: {error}")
    seen = f"{abs(off):.1f} s {'behind' if off > 0 else 'ahead of'} {address} (± {unsure:.1f} s)"
    if abs(off) - unsure <= MOST:
        return ok("clock", seen)
    found = problem if abs(off) > REFUSED else warning
    return found(
        "clock", seen, "see which of the two is wrong: timedatectl; let NTP (chrony, systemd-timesyncd) set it"
    )


def skew(answer: Response) -> tuple[float, float]:
    """Return how many seconds the server's clock is ahead of this one, and how far that may be wrong.

    A Date counts whole seconds: the server's time was between it and a second later, at some moment between the
    question and the answer. Raises UserError where there is none.
    """
    try:
        date = parsedate_to_datetime(answer.date).timestamp()
    except (TypeError, ValueError):
        raise UserError("its answer has no valid Date") from None
    earliest, latest = date - answer.received, date + 1.0 - answer.sent
    return (earliest + latest) / 2, (latest - earliest) / 2
