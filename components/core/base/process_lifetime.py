"""Processes that end when the process that started them ends, even after `kill -9`.

`dvc repro` leaves its stage running when it is killed, and torchrun leaves its workers. Linux can kill a process when
its parent ends (prctl PR_SET_PDEATHSIG). Every long-running process of Stemline asks for that, so killing any process
of the chain flow > dvc > stage > torchrun > worker ends all those below it.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int | None = None) -> None:
    """Have the kernel kill this process when its parent ends; does nothing where there is no prctl.

    `parent` is the parent's process id, for callers that know it: the parent may have ended before this call.
    """
    if sys.platform != "linux":
        return
    parent = os.getppid() if parent is None else parent
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the call to prctl
        os.kill(os.getpid(), signal.SIGKILL)


def bind_to_this_process(command: list[str]) -> list[str]:
    """Return `command` wrapped so that it ends when this process ends."""
    return [sys.executable, "-m", "components.core.base.process_lifetime", str(os.getpid()), *command]


def describe_exit(code: int) -> str:
    """Return the end of a process: the signal that killed it, or its exit code."""
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
