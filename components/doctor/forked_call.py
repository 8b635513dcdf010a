"""A call in a process of its own: one that hangs is stopped, and one that crashes harms nothing else."""

import multiprocessing
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

from components.core.base.errors import UserError
from components.core.base.process_lifetime import describe_exit, end_with_parent

Result = TypeVar("Result")

# a fork is cheap, and safe here: its parents have no threads
_CONTEXT: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")


class ForkedCall(Generic[Result]):
    """A call that runs in a process of its own from now on, for `seconds` at most.

    Its result must be picklable. `pipe` is readable once the call has ended.
    """

    def __init__(self, work: Callable[[], Result], seconds: float) -> None:
        self._seconds, self._end = seconds, time.monotonic() + seconds
        self.pipe, child_pipe = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(target=_send_result, args=(work, child_pipe), daemon=False)
        self._process.start()
        child_pipe.close()  # the pipe then ends with the process

    @property
    def seconds_left(self) -> float:
        """The time that is left to the call."""
        return max(0.0, self._end - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether the call or its time has ended."""
        return self.pipe.poll() or not self.seconds_left

    def result(self) -> Result:
        """Wait for the result, and stop the call; raises UserError when it failed, crashed, or took too long."""
        try:
            if not self.pipe.poll(self.seconds_left):
                raise UserError(f"did not end within {self._seconds:g} s")
            found: Result | UserError = self.pipe.recv()
        except EOFError:
            self._process.join()
            raise UserError(f"crashed ({describe_exit(self._process.exitcode or 0)})") from None
        finally:
            self.stop()
        if isinstance(found, UserError):
            raise found
        return found

    def stop(self) -> None:
        """End the process, if it still runs."""
        self._process.kill()
        self._process.join()
        self.pipe.close()


def _send_result(work: Callable[[], Result], pipe: "Connection[Result | UserError, None]") -> None:
    end_with_parent()
    try:
        pipe.send(work())
    except Exception as error:  # an error in one call must not stop the others
        reason = " ".join(str(error).split()) or "no reason given"
        pipe.send(UserError(f"failed: {type(error).__name__}: {reason}"))
