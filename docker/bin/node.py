#!/usr/bin/env python3
"""Runs on each node of a training on several nodes: the first runs a command, the others join its trainings.

    node.py COMMAND …       PET_NODE_RANK 0: run the command in a clone of the project; else: join every training

All nodes share STEMLINE_HOME at the same path. The first node's `components.train` writes a file into the folder of its
unfinished work: which project it trains, and where the group meets. Its torchrun listens there until the training is
done. The others run torchrun with the same worker in the same project. Only the first one does what must happen once:
MLflow's run, the checkpoints, the model. Whoever started the others must end them.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LOOK_EVERY = 1.0  # seconds
HOLDERS = "workspace/scratch/train/*/holder.json"
"""The files that components/train writes: which process trains, in which folder, and its PET_RDZV_ENDPOINT."""

# torchrun without its log: when two nodes end, the later one can't reach the other and logs a traceback
TORCHRUN = """import logging, torch.distributed.run as run
logging.getLogger("torch.distributed.elastic.agent.server.api").setLevel(logging.CRITICAL)
run.main()"""

# exec gives torchrun the shell's process id ($$), which a worker needs to end with its launcher
JOIN = 'program=$1; shift; exec "$0" -c "$program" --max-restarts=3 "$@" --launcher $$'


def main(command: list[str]) -> int:
    """Become the first node's command, or join its trainings; return the exit code."""
    if os.environ["PET_NODE_RANK"] == "0":
        os.execvp("in-repository", ["in-repository", *command])
    return follow(Path(os.environ.get("STEMLINE_HOME", "/srv/stemline")), os.environ["PET_RDZV_ENDPOINT"])


def follow(home: Path, endpoint: str) -> int:
    """Join one training after the other; return the exit code of the first that fails."""
    joined: dict[str, Any] = {}
    while True:
        print(f"node: waiting for a training at {endpoint}", file=sys.stderr, flush=True)
        wait_until(lambda: listens(endpoint))
        unfinished, joined = find_training(home, endpoint, joined)
        print(f"node: joining the training in {unfinished}", file=sys.stderr, flush=True)
        if code := join(joined["folder"], unfinished):
            return code
        wait_until(lambda: not listens(endpoint))


def find_training(home: Path, endpoint: str, joined: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
    """Return the folder of the training at `endpoint`, and what its launcher wrote there.

    It is the newest one, and not `joined`, the one before: a shared file system may show the newest a little late.
    """
    while True:
        for path in sorted(home.glob(HOLDERS), key=lambda path: path.stat().st_mtime, reverse=True):
            holder = json.loads(path.read_text(encoding="utf-8"))
            if holder["rendezvous"] == endpoint:
                if holder != joined:
                    return path.parent, holder
                break
        time.sleep(LOOK_EVERY)


def join(project: str, unfinished: Path) -> int:
    """Run this node's processes of the training; return the exit code."""
    places = ["--cache", "workspace/cache", "--started-from", "workspace/start", "--scratch", str(unfinished)]
    worker = ["-m", "components.train.worker", *places]
    # PYTHONPATH: only the project's own code. OMP_WAIT_POLICY: waiting threads that spin slow each other down
    environment = {**os.environ, "PYTHONPATH": "", "OMP_WAIT_POLICY": "PASSIVE"}
    command = ["sh", "-c", JOIN, sys.executable, TORCHRUN, *worker]
    return subprocess.run(command, cwd=project, env=environment).returncode


def listens(endpoint: str) -> bool:
    """Return whether a process accepts connections at `host:port`; False as well while the name is unknown."""
    host, _, port = endpoint.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError:
        return False
    return True


def wait_until(condition: Callable[[], bool]) -> None:
    """Check `condition` every `LOOK_EVERY` seconds until it is true."""
    while not condition():
        time.sleep(LOOK_EVERY)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
