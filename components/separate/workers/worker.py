"""A worker: a process that separates one recording after the other.

It has three threads, so that neither the store nor the processor waits: while one recording is separated, the next one
is fetched and the one before is stored.
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
from components.core.base.outages import is_outage
from components.core.base.parallel import end_with_pool_owner
from components.core.data.stem_provenance import Provenance
from components.core.models.model_folder import load_model
from components.core.separating.fast import for_inference
from components.core.separating.postprocessing import post_processed
from components.core.separating.segment_pool import SegmentPool
from components.core.sound.training_profile import PROFILE, read_profile
from components.core.stores.opening import open_store
from components.core.stores.selection import ListedFile
from components.core.stores.store import RecordingGone, RecordingRefused, StoreFault
from components.separate.ledger.claims import Claims
from components.separate.ledger.ledger_table import describe_failure
from components.separate.ledger.quarantine import put_in_quarantine
from components.separate.recording.inspection import Unfit
from components.separate.recording.stems import ReportProgress, Separation, separate_file
from components.separate.workers.devices import CPU, GPU_BATCH
from components.separate.workers.messages import (
    ClaimedElsewhere,
    Failed,
    Finished,
    Message,
    Progressed,
    Started,
    StemsMade,
    Stopped,
    WorkerSetup,
)
from components.separate.workers.recording_transfer import FetchedRecording, RecordingFetcher, store_stems

_REPORT_EVERY = 2.0  # seconds
_FAULTS_OF_ONE_FILE = (errno.EIO, errno.ESTALE, errno.ENOENT)  # the disk as a whole still works

Send = Callable[[Message], None]


def serve(connection: Connection, setup: WorkerSetup, device: str) -> None:
    """Work on the entries that come through `connection` until None comes; send messages back through it."""
    end_with_pool_owner()
    lock = threading.Lock()

    def send(message: Message) -> None:
        with lock, suppress(BrokenPipeError):  # the job has died; this process is about to end with it
            connection.send(message)

    try:
        worker = Worker(setup, prepare_separation(setup, device), send)
    except (UserError, OSError) as error:
        send(_explain_stop(error))
        return
    threading.Thread(target=_receive, args=(connection, worker), daemon=True).start()
    worker.work()


def _receive(connection: Connection, worker: "Worker") -> None:
    try:
        while (entry := connection.recv()) is not None:
            worker.give(entry)
    except (EOFError, ConnectionError):
        return  # the job has died; this process is about to end with it
    worker.give(None)


def prepare_separation(setup: WorkerSetup, device: str) -> Separation:
    """Load the model of `setup` to `device`; torch then uses one thread, because two would give other bits."""
    torch.set_num_threads(1)
    model = load_model(setup.address.folder)
    fast = for_inference(model.separator, setup.settings.options.precision)
    separator = post_processed(fast, setup.config.post).to(device)
    pool = None if device == CPU else SegmentPool(separator, batch=GPU_BATCH)
    path = setup.address.folder / PROFILE
    profile = read_profile(path) if path.is_file() else None
    return Separation(model, setup.settings, separator, profile, setup.config, setup.lanes, pool)


class Worker:
    """Fetches, separates and stores recordings, each on a thread of its own; `send` takes messages for the job."""

    def __init__(self, setup: WorkerSetup, separation: Separation, send: Send) -> None:
        self._separation, self._send, self._tracks = separation, send, setup.tracks
        self._destination = open_store(setup.destination, setup.config.patience_seconds)
        source = open_store(setup.source, setup.config.patience_seconds)
        self._fetcher = RecordingFetcher(source, self._destination, Claims(self._destination), setup.settings)
        self._fetching, self._storing = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self._queue: queue.Queue[Future[FetchedRecording | None] | None] = queue.Queue()

    def give(self, entry: ListedFile | None) -> None:
        """Add a recording to the queue; None ends the queue."""
        self._queue.put(None if entry is None else self._fetching.submit(self._fetch, entry))

    def work(self) -> None:
        """Separate and store recordings until the queue ends; on a GPU several at once."""
        with ThreadPoolExecutor(self._tracks) as threads:
            for thread in [threads.submit(self._work_alone) for _ in range(self._tracks)]:
                thread.result()

    def _work_alone(self) -> None:
        torch.set_num_threads(1)  # it is a setting of each thread
        storing: Future[None] | None = None
        while (coming := self._queue.get()) is not None:
            fetched = coming.result()
            provenance = self._separate(fetched) if fetched else None
            if storing is not None:
                storing.result()  # at most one recording waits to be stored
            if fetched is not None and provenance is not None:
                storing = self._storing.submit(self._store, fetched, provenance)
        self._queue.put(None)  # for the other threads
        if storing is not None:
            storing.result()

    def _fetch(self, entry: ListedFile) -> FetchedRecording | None:
        try:
            found = self._fetcher.fetch(entry)
        except Exception as error:
            self._send_failure(entry, error)
            return None
        if isinstance(found, FetchedRecording):
            return found
        self._send(found if isinstance(found, ClaimedElsewhere) else Finished(found))
        return None

    def _separate(self, fetched: FetchedRecording) -> Provenance | None:
        key = fetched.entry.key
        self._send(Started(key))
        try:
            provenance = separate_file(self._separation, fetched.file, fetched.folder, self._make_reporter(key))
        except Exception as error:
            with fetched.held:
                self._send_failure(fetched.entry, error)
            return None
        self._send(StemsMade(key))
        return provenance

    def _store(self, fetched: FetchedRecording, provenance: Provenance) -> None:
        with fetched.held:
            try:
                row = store_stems(self._destination, fetched, provenance)
            except Exception as error:
                self._send_failure(fetched.entry, error)
                return
        self._send(Finished(row))

    def _make_reporter(self, key: str) -> ReportProgress:
        reported = time.monotonic()

        def report(seconds: float, share: float) -> None:
            nonlocal reported
            if time.monotonic() - reported >= _REPORT_EVERY:
                reported = time.monotonic()
                self._send(Progressed(key, seconds, share))

        return report

    def _send_failure(self, entry: ListedFile, error: Exception) -> None:
        try:
            self._send(self._judge(entry, error))
        except (StoreFault, OSError) as fault:  # while the quarantine record was written
            self._send(_explain_stop(fault))

    def _judge(self, entry: ListedFile, error: Exception) -> Message:
        """Decide whether a recording is bad for good, is tried again, or meets a fault that stops the whole job."""
        if isinstance(error, Unfit):
            return Finished(put_in_quarantine(self._destination, entry, str(error), 1))
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            return Finished(put_in_quarantine(self._destination, entry, "its name is too long for the destination", 1))
        if isinstance(error, RecordingGone | RecordingRefused):
            return Finished(describe_failure(entry, str(error), attempts=1))
        if isinstance(error, StoreFault) or (isinstance(error, OSError) and error.errno not in _FAULTS_OF_ONE_FILE):
            return _explain_stop(error)
        if isinstance(error, UserError | OSError):
            return Failed(entry.key, _in_one_line(error))
        return Failed(entry.key, f"it can't be separated: {type(error).__name__}: {_in_one_line(error)}")


def _explain_stop(error: Exception) -> Stopped:
    return Stopped(_in_one_line(error), is_outage(error))


def _in_one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        where = error.filename2 or error.filename or "a file that was being written"
        return f"{where}: {os.strerror(error.errno)}"
    return " ".join(str(error).split())
