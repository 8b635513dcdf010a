"""Checks, each in a process of its own: one that hangs is ended, one that crashes takes nothing with it."""

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from components.core.base.process_lifetime import end_with_parent
from components.doctor.finding import Finding, Findings, problem
from components.doctor.secret_hiding import hide

AT_ONCE = 6
"""So many checks run at the same time: most of them wait for a server, some import what takes hundreds of MB."""

# A fork costs nothing here: the doctor has no threads, and has imported little.
_CONTEXT: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")


@dataclass(frozen=True)
class Check:
    """`work` looks at one part and returns its findings; after `seconds` it is taken for stuck, and ended."""

    topic: str
    name: str
    work: Callable[[], Findings]
    seconds: float = 30.0


def run_checks(checks: Sequence[Check]) -> Iterator[tuple[Check, Finding]]:
    """Run all checks, some at a time, and yield their findings in the order of the checks, without secrets."""
    waiting, running = list(checks), list[_Running]()
    done: dict[int, list[Finding]] = {}
    for check in checks:
        while id(check) not in done:
            while waiting and len(running) < AT_ONCE:
                running.append(_Running(waiting.pop(0)))
            wait([one.pipe for one in running], min(one.seconds_left for one in running))
            for one in [one for one in running if one.is_over]:
                done[id(one.check)] = one.findings()
                running.remove(one)
        yield from ((check, hide(finding)) for finding in done[id(check)])


class _Running:
    """A check under way."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self._end = time.monotonic() + check.seconds
        self.pipe, theirs = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(target=_work, args=(check, theirs), daemon=False)
        self._process.start()
        theirs.close()  # so that the pipe ends when the process does

    @property
    def seconds_left(self) -> float:
        return max(0.0, self._end - time.monotonic())

    @property
    def is_over(self) -> bool:
        return self.pipe.poll() or not self.seconds_left

    def findings(self) -> list[Finding]:
        """Return what the check found; a check that hangs or has crashed is a finding itself."""
        try:
            if self.pipe.poll():
                found: list[Finding] = self.pipe.recv()
                return found
            return [self._failed(f"did not end within {self.check.seconds:g} s")]
        except EOFError:
            self._process.join()
            return [self._failed(f"crashed ({_ending(self._process.exitcode or 0)})")]
        finally:
            self._process.kill()  # nothing happens to one that has ended
            self._process.join()
            self.pipe.close()

    def _failed(self, how: str) -> Finding:
        return problem(self.check.name, f"the check {how}", "see whether this part hangs or crashes elsewhere as well")


def _work(check: Check, answer: "Connection[list[Finding], None]") -> None:
    end_with_parent()
    try:
        found = list(check.work())
    except Exception as error:  # whatever it is, the other checks go on
        reason = " ".join(str(error).split()) or "no reason given"
        seen = f"the check failed: {type(error).__name__}: {reason}"
        found = [problem(check.name, seen, "if this is no fault of the set-up, report it")]
    answer.send(found)


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
