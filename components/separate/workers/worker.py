"""A worker: a process that separates one recording after the other.

Three threads, so that neither the store nor the processor waits: while one recording is separated, the next one is
fetched and the one before is stored.
"""

import errno
import os
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection

import torch

from components.core.base.errors import UserError
from components.core.base.parallel import end_with_pool_owner
from components.core.models.bundle import load_model
from components.core.separating.fast import for_inference
from components.core.separating.lanes import WindowPool
from components.core.separating.postprocessing import post_processed
from components.core.sound.profile import PROFILE, read_profile
from components.core.stores.opening import open_store
from components.core.stores.store import ListedFile, RecordingGone, StoreFault
from components.separate.ledger.claims import Claims
from components.separate.ledger.ledger_table import Row
from components.separate.ledger.quarantine import quarantine
from components.separate.recording.inspection import Unfit
from components.separate.recording.stems import Product, Separation, separate_file
from components.separate.workers.devices import CPU, GPU_BATCH
from components.separate.workers.messages import Beat, Begun, Busy, Ended, Made, Message, Order, Stopped, Troubled
from components.separate.workers.recording_fetch import Fetched, Fetcher
from components.separate.workers.stem_storage import store_product

_BEAT = 2.0  # seconds
_OF_THE_FILE = (errno.EIO, errno.ESTALE, errno.ENOENT)  # faults of one file, not of the whole disk

Say = Callable[[Message], None]


def serve(connection: Connection, order: Order, device: str) -> None:
    """Work on the entries that come through `connection`, until None comes; say what becomes of each."""
    end_with_pool_owner()
    lock = threading.Lock()

    def say(message: Message) -> None:
        with lock, suppress(BrokenPipeError):  # the job has died; this process is about to end with it
            connection.send(message)

    worker = Worker(order, separation_of(order, device), say)
    threading.Thread(target=_receive, args=(connection, worker), daemon=True).start()
    worker.work()


def _receive(connection: Connection, worker: "Worker") -> None:
    try:
        while (entry := connection.recv()) is not None:
            worker.give(entry)
    except (EOFError, ConnectionError):
        return  # the job has died; this process is about to end with it
    worker.give(None)


def separation_of(order: Order, device: str) -> Separation:
    """Return the order's model, ready on `device`; torch then computes on one thread, since two give other bits."""
    torch.set_num_threads(1)
    model = load_model(order.address.folder)
    fast = for_inference(model.separator, order.recipe.options["precision"])
    separator = post_processed(fast, order.config.post).to(device)
    pool = None if device == CPU else WindowPool(separator, batch=GPU_BATCH)
    path = order.address.folder / PROFILE
    profile = read_profile(path) if path.is_file() else None
    return Separation(model, separator, profile, order.config, order.lanes, pool)


class Worker:
    """Fetches, separates and stores, each on a thread of its own; `say` tells the job."""

    def __init__(self, order: Order, separation: Separation, say: Say) -> None:
        self._order, self._separation, self._say = order, separation, say
        self._destination = open_store(order.destination, order.config.patience_seconds)
        source = open_store(order.source, order.config.patience_seconds)
        self._fetcher = Fetcher(source, self._destination, Claims(self._destination), order.recipe)
        self._fetching, self._storing = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self._coming: queue.Queue[Future[Fetched | None] | None] = queue.Queue()

    def give(self, entry: ListedFile | None) -> None:
        """Have a recording fetched, to be separated in its turn; None is the last."""
        self._coming.put(None if entry is None else self._fetching.submit(self._fetch, entry))

    def work(self) -> None:
        """Separate what is given until the last, several recordings at once on a GPU, and see it stored."""
        with ThreadPoolExecutor(self._order.tracks) as threads:
            for turns in [threads.submit(self._take_turns) for _ in range(self._order.tracks)]:
                turns.result()

    def _take_turns(self) -> None:
        torch.set_num_threads(1)  # which each thread has for itself
        storing: Future[None] | None = None
        while (coming := self._coming.get()) is not None:
            fetched = coming.result()
            product = self._separate(fetched) if fetched else None
            if storing is not None:
                storing.result()  # at most one recording waits to be stored
            if fetched is not None and product is not None:
                storing = self._storing.submit(self._store, fetched, product)
        self._coming.put(None)  # for the other threads
        if storing is not None:
            storing.result()

    def _fetch(self, entry: ListedFile) -> Fetched | None:
        try:
            found = self._fetcher.fetch(entry)
        except Exception as error:
            self._explain(entry, error)
            return None
        if isinstance(found, Fetched):
            return found
        self._say(found if isinstance(found, Busy) else Ended(found))
        return None

    def _separate(self, fetched: Fetched) -> Product | None:
        self._say(Begun(fetched.entry.key))
        try:
            product = separate_file(self._separation, fetched.path, fetched.folder, self._beat(fetched.entry.key))
        except Exception as error:
            with fetched.holding:
                self._explain(fetched.entry, error)
            return None
        self._say(Made(fetched.entry.key))
        return product

    def _store(self, fetched: Fetched, product: Product) -> None:
        with fetched.holding:
            try:
                row = store_product(self._destination, self._order.source, self._order.recipe, fetched, product)
            except Exception as error:
                self._explain(fetched.entry, error)
                return
        self._say(Ended(row))

    def _beat(self, key: str) -> Callable[[float, float], None]:
        said = time.monotonic()

        def beat(seconds: float, share: float) -> None:
            nonlocal said
            if time.monotonic() - said >= _BEAT:
                said = time.monotonic()
                self._say(Beat(key, seconds, share))

        return beat

    def _explain(self, entry: ListedFile, error: Exception) -> None:
        """Tell a recording that is bad for good from one to be tried again, and both from a fault of the place."""
        try:
            self._say(self._outcome(entry, error))
        except (StoreFault, OSError) as fault:  # while a record of it was written
            self._say(Stopped(_one_line(fault)))

    def _outcome(self, entry: ListedFile, error: Exception) -> Message:
        if isinstance(error, Unfit):
            return Ended(quarantine(self._destination, entry, str(error), 1))
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            return Ended(quarantine(self._destination, entry, "its name is too long for the destination", 1))
        if isinstance(error, RecordingGone):
            return Ended(Row(entry.key, "failed", entry.size, str(error), attempts=1))
        if isinstance(error, StoreFault) or (isinstance(error, OSError) and error.errno not in _OF_THE_FILE):
            return Stopped(_one_line(error))
        if isinstance(error, UserError | OSError):
            return Troubled(entry.key, _one_line(error))
        return Troubled(entry.key, f"it can't be separated: {type(error).__name__}: {_one_line(error)}")


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        where = error.filename2 or error.filename or "a file that was being written"
        return f"{where}: {os.strerror(error.errno)}"
    return " ".join(str(error).split())
