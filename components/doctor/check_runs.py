"""Runs each check in a process of its own: one that hangs is stopped, and one that crashes harms no other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import wait

from components.core.base.errors import UserError
from components.doctor.finding import Finding, Findings, problem
from components.doctor.forked_call import ForkedCall

_PARALLEL = 6  # most checks wait for a server; some import hundreds of MB


@dataclass(frozen=True)
class Check:
    """A check of one part.

    topic    the group of parts, the first column of the output
    name     the part
    work     checks it and returns the findings
    seconds  after this time the check counts as stuck and is stopped
    """

    topic: str
    name: str
    work: Callable[[], Findings]
    seconds: float = 30.0


def run_checks(checks: Sequence[Check]) -> Iterator[tuple[Check, list[Finding]]]:
    """Run all checks, several at a time; yield each with its findings, in the order of `checks`, without secrets."""
    waiting, running = list(checks), list[tuple[Check, ForkedCall[list[Finding]]]]()
    done: dict[int, list[Finding]] = {}
    for check in checks:
        while id(check) not in done:
            while waiting and len(running) < _PARALLEL:
                first = waiting.pop(0)
                running.append((first, ForkedCall(partial(_run_check, first), first.seconds)))
            wait([call.pipe for _, call in running], min(call.seconds_left for _, call in running))
            for one, call in [(one, call) for one, call in running if call.is_over]:
                done[id(one)] = _findings_of(one, call)
                running.remove((one, call))
        yield check, [finding.without_secrets() for finding in done[id(check)]]


def _findings_of(check: Check, call: ForkedCall[list[Finding]]) -> list[Finding]:
    """Return the check's findings; a check that fails, hangs or crashes is a finding itself."""
    try:
        return call.result()
    except UserError as error:
        remedy = "try it once more; if nothing in the set-up explains it, report it as a bug"
        return [problem(check.name, f"the check {error}", remedy)]


def _run_check(check: Check) -> list[Finding]:
    return list(check.work())
