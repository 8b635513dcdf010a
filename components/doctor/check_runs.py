"""Runs each check in a process of its own: one that hangs is stopped, and one that crashes harms no other."""

import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from components.core.base.process_lifetime import describe_exit, end_with_parent
from components.doctor.finding import Finding, Findings, problem

_PARALLEL = 6  # most checks wait for a server; some import hundreds of MB

# a fork is cheap and safe here: the doctor has no threads and has imported little
_CONTEXT: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")


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
    waiting, running = list(checks), list[_RunningCheck]()
    done: dict[int, list[Finding]] = {}
    for check in checks:
        while id(check) not in done:
            while waiting and len(running) < _PARALLEL:
                running.append(_RunningCheck(waiting.pop(0)))
            wait([one.pipe for one in running], min(one.seconds_left for one in running))
            for one in [one for one in running if one.is_over]:
                done[id(one.check)] = one.findings()
                running.remove(one)
        yield check, [finding.without_secrets() for finding in done[id(check)]]


class _RunningCheck:
    def __init__(self, check: Check) -> None:
        self.check = check
        self._end = time.monotonic() + check.seconds
        self.pipe, child_pipe = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(target=_run_check, args=(check, child_pipe), daemon=False)
        self._process.start()
        child_pipe.close()  # the pipe then ends with the process

    @property
    def seconds_left(self) -> float:
        return max(0.0, self._end - time.monotonic())

    @property
    def is_over(self) -> bool:
        return self.pipe.poll() or not self.seconds_left

    def findings(self) -> list[Finding]:
        """Return the check's findings; a check that hangs or crashes is a finding itself."""
        try:
            if self.pipe.poll():
                found: list[Finding] = self.pipe.recv()
                return found
            return [self._failure(f"did not end within {self.check.seconds:g} s")]
        except EOFError:
            self._process.join()
            return [self._failure(f"crashed ({describe_exit(self._process.exitcode or 0)})")]
        finally:
            self._process.kill()
            self._process.join()
            self.pipe.close()

    def _failure(self, reason: str) -> Finding:
        return problem(self.check.name, f"the check {reason}", "try whether this part hangs or crashes elsewhere too")


def _run_check(check: Check, pipe: "Connection[list[Finding], None]") -> None:
    end_with_parent()
    try:
        found = list(check.work())
    except Exception as error:  # an error in one check must not stop the others
        reason = " ".join(str(error).split()) or "no reason given"
        observation = f"the check failed: {type(error).__name__}: {reason}"
        found = [problem(check.name, observation, "if nothing in the set-up explains it, report it as a bug")]
    pipe.send(found)
