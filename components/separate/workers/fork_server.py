"""The process that workers are forked from: it imports what they need once."""

import multiprocessing
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext


def worker_context() -> ForkServerContext:
    """Return the multiprocessing context that starts workers."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["components.separate.workers.worker"])
    return context


def start_server() -> None:
    """Start the fork server; its imports take seconds, and this process goes on meanwhile."""
    worker_context()
    forkserver.ensure_running()
