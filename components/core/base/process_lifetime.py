"""Nothing keeps running without the one who started it.

`dvc repro` leaves its stage running when it is killed, torchrun its workers. Linux can tie a process to its parent
(prctl PR_SET_PDEATHSIG): every process of ours that does long work ties itself, so killing any link of the chain
flow > dvc > stage > torchrun > worker ends everything below it at once, even with kill -9.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int | None = None) -> None:
    """Have the kernel kill this process when its parent ends; does nothing on systems without prctl.

    A caller that knows its parent's process id gives it: the parent may have ended before this is called.
    """
    if sys.platform != "linux":
        return
    parent = os.getppid() if parent is None else parent
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel was told
        os.kill(os.getpid(), signal.SIGKILL)


def bind_to_this_process(command: list[str]) -> list[str]:
    """Return `command` so wrapped that it ends with the process that starts it (survives exec, needs no fork hook)."""
    return [sys.executable, "-m", "components.core.base.process_lifetime", str(os.getpid()), *command]


if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
