"""The worker processes of a job on this machine: they get recordings, and are replaced when they die or need too much.

A dead worker's recordings go back to the queue. Its death counts as a failed attempt of the recording that it was
separating, since that may be the reason. When a person or the system killed the worker, more such kills are allowed
before the recording is given up.
"""

import signal
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

import psutil

from components.core.base.parallel import available_cores
from components.core.base.process_lifetime import describe_exit
from components.core.stores.selection import ListedFile
from components.separate.listing.plan import Task
from components.separate.workers.devices import CPU
from components.separate.workers.fork_server import worker_context
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

_CHECK_EVERY = 1.0  # seconds
_ASK_AGAIN = 5.0  # seconds until a recording that another worker has claimed is tried again
_MOST_KILLS = 20  # from outside, of workers that separated one recording
_STUCK, _TOO_LARGE = "took no step for {0:.0f} minutes", "took more than {0:.1f} GB of memory"


@dataclass(frozen=True)
class GivenUp:
    """A recording that this job does not try again; `is_at_fault` when the recording itself is the cause."""

    entry: ListedFile
    reason: str
    attempts: int
    is_at_fault: bool


Report = Finished | Progressed | GivenUp | Stopped


@dataclass
class WorkerProcess:
    """A worker and its end of the pipe.

    given         the recordings that it has and has not finished
    separating    those that it separates now
    is_isolated   whether it has a single recording, to find out whether that one ends a worker
    heard         when its last message came
    ended_because why this job ended it
    """

    process: BaseProcess
    pipe: Connection
    device: str
    given: dict[str, ListedFile] = field(default_factory=dict)
    separating: set[str] = field(default_factory=set)
    is_isolated: bool = False
    heard: float = 0.0
    ended_because: str = ""


class WorkerPool:
    """Runs up to `size` workers over tasks until all have ended; workers get `devices` in turn."""

    def __init__(self, setup: WorkerSetup, size: int, devices: list[str]) -> None:
        self._setup, self._size, self._devices = setup, size, devices
        self._context = worker_context()
        self._workers: list[WorkerProcess] = []
        self._queue: deque[ListedFile] = deque()
        self._suspects: deque[ListedFile] = deque()
        self._claimed_elsewhere: dict[str, ListedFile] = {}
        self._asked = 0.0
        self._faults: Counter[str] = Counter()
        self._kills: Counter[str] = Counter()
        self._idle_deaths = 0

    @property
    def workers(self) -> tuple[WorkerProcess, ...]:
        """The workers that run now."""
        return tuple(self._workers)

    def work(self, tasks: list[Task]) -> Iterator[Report]:
        """Yield the reports about the tasks, in any order; ends after the last task, or after Stopped."""
        self._queue.extend(task.entry for task in tasks)
        try:
            while self._queue or self._suspects or self._claimed_elsewhere or any(one.given for one in self._workers):
                self._distribute()
                for report in self._receive():
                    yield report
                    if isinstance(report, Stopped):
                        return
                self._end_bad_workers()
        finally:
            self._end_all()

    def _end_all(self) -> None:
        for worker in self._workers:
            if worker.given:
                worker.process.kill()
            else:
                with suppress(BrokenPipeError, ConnectionError):  # it has just died
                    worker.pipe.send(None)
        for worker in self._workers:
            worker.process.join(10)
            worker.process.kill()
            worker.pipe.close()
        self._workers.clear()

    def _distribute(self) -> None:
        """Start as many workers as are useful, and give each of them enough to do."""
        if self._claimed_elsewhere and time.monotonic() - self._asked > _ASK_AGAIN:
            self._asked = time.monotonic()
            self._queue.extend(self._claimed_elsewhere.values())
            self._claimed_elsewhere.clear()
        waiting = len(self._queue) + len(self._suspects)
        while len(self._workers) < self._size and waiting > sum(not worker.given for worker in self._workers):
            self._workers.append(self._start_worker())
        for worker in self._workers:
            worker.is_isolated = bool(worker.given) and worker.is_isolated
            if self._suspects and not worker.given:
                self._give(worker, self._suspects.popleft())
                worker.is_isolated = True
        # as many as a worker separates at once, and one more to fetch; every worker gets its first before any a second
        for ahead in range(self._setup.tracks + 1):
            for worker in [worker for worker in self._workers if not worker.is_isolated]:
                # towards the end no worker queues a recording that another one could start at once
                if len(self._queue) > (len(self._workers) if ahead else 0) and len(worker.given) <= ahead:
                    self._give(worker, self._queue.popleft())

    def _give(self, worker: WorkerProcess, entry: ListedFile) -> None:
        worker.given[entry.key] = entry
        with suppress(BrokenPipeError, ConnectionError):  # it died, which `_receive` finds out
            worker.pipe.send(entry)

    def _start_worker(self) -> WorkerProcess:
        from components.separate.workers.worker import serve  # imports torch, which a job without recordings can spare

        taken = Counter(worker.device for worker in self._workers)
        device = min(self._devices, key=lambda name: taken[name])
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=serve, args=(theirs, self._setup, device), daemon=True)
        process.start()
        theirs.close()
        return WorkerProcess(process, ours, device)

    def _receive(self) -> Iterator[Report]:
        """Yield reports about the messages of the next second, and about the workers that died in it."""
        ready = wait([worker.pipe for worker in self._workers], timeout=_CHECK_EVERY)
        for worker in [worker for worker in self._workers if worker.pipe in ready]:
            try:
                yield from self._handle(worker, worker.pipe.recv())
            except (EOFError, ConnectionError):
                self._workers.remove(worker)
                yield from self._handle_death(worker)

    def _handle(self, worker: WorkerProcess, message: Message) -> Iterator[Report]:
        worker.heard = time.monotonic()
        if isinstance(message, Started):
            worker.separating.add(message.key)
            self._idle_deaths = 0
        elif isinstance(message, StemsMade):
            worker.separating.discard(message.key)
        elif isinstance(message, ClaimedElsewhere):
            self._claimed_elsewhere[message.key] = self._take_back(worker, message.key)
        elif isinstance(message, Failed):
            yield from self._count(self._take_back(worker, message.key), message.reason, self._faults)
        else:
            if isinstance(message, Finished):
                self._take_back(worker, message.row.key)
            yield message

    def _take_back(self, worker: WorkerProcess, key: str) -> ListedFile:
        worker.separating.discard(key)
        return worker.given.pop(key)

    def _handle_death(self, worker: WorkerProcess) -> Iterator[Report]:
        """Put a dead worker's recordings back into the queue, and count its death against the one that it separated.

        When it separated several at once, each of them is tried alone.
        """
        worker.process.join()
        separated = [worker.given.pop(key) for key in sorted(worker.separating)]
        self._queue.extendleft(worker.given.values())
        code = worker.process.exitcode or 0
        from_outside = not worker.ended_because and code in (-signal.SIGKILL, -signal.SIGTERM)
        if not separated:
            self._idle_deaths += 1
            if self._idle_deaths >= (_MOST_KILLS if from_outside else self._setup.config.attempts):
                yield Stopped(
                    f"workers die before they begin a recording ({describe_exit(code)}): see their messages above"
                )
        elif len(separated) > 1:
            self._suspects.extend(separated)
        elif from_outside:
            yield from self._count(separated[0], "its worker was killed (out of memory?)", self._kills)
        else:
            cause = worker.ended_because or f"died of it ({describe_exit(code)})"
            yield from self._count(separated[0], f"its worker {cause}", self._faults)

    def _count(self, entry: ListedFile, reason: str, counter: "Counter[str]") -> Iterator[GivenUp]:
        """Count a failure of a recording; put the recording back into the queue, or give it up."""
        counter[entry.key] += 1
        is_at_fault = counter is self._faults
        if counter[entry.key] < (self._setup.config.attempts if is_at_fault else _MOST_KILLS):
            self._queue.append(entry)
        else:
            yield GivenUp(entry, f"{reason}, {counter[entry.key]} times", counter[entry.key], is_at_fault)

    def _end_bad_workers(self) -> None:
        """End workers that are stuck or too large; `_handle_death` then deals with their recordings."""
        config = self._setup.config
        for worker in self._workers:
            if not worker.separating or worker.ended_because:
                continue
            if time.monotonic() - worker.heard > config.stuck_seconds:
                worker.ended_because = _STUCK.format(config.stuck_seconds / 60)
            elif _measure_gigabytes(worker.process) > config.worker_gigabytes:
                worker.ended_because = _TOO_LARGE.format(config.worker_gigabytes)
            if worker.ended_because:
                worker.process.kill()


def choose_pool_size(workers: int, recordings: int, devices: list[str]) -> tuple[int, int]:
    """Return the number of workers, and of segments that each runs at once; together they use all cores.

    With GPUs there is a worker for each. `workers` 0 means as many as are useful.
    """
    if devices != [CPU]:
        return workers or len(devices), 1
    size = max(1, min(workers or available_cores(), recordings))
    return size, max(1, available_cores() // size)


def _measure_gigabytes(process: BaseProcess) -> float:
    try:
        return float(psutil.Process(process.pid).memory_info().rss) / 1e9
    except psutil.NoSuchProcess:
        return 0.0
