"""Where workers come from: a server that has imported what they need, once, and is forked for each."""

import multiprocessing
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext


def worker_context() -> ForkServerContext:
    """Return the context in which workers are started."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["components.separate.workers.worker"])
    return context


def start_server() -> None:
    """Have the server begin to import, which takes seconds, while this process does other things."""
    worker_context()
    forkserver.ensure_running()
