"""The workers of a job on this machine: who does what, who died of what, and who is stuck.

A worker that dies is replaced, and its recordings go back to the queue. Which of them it died of is known, since it
says when it begins one. A worker killed from outside (-9, by a person or for memory) is no proof against a recording,
so that one counts for less.
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
from components.core.stores.store import ListedFile
from components.separate.listing.plan import Task
from components.separate.workers.devices import CPU
from components.separate.workers.fork_server import worker_context
from components.separate.workers.messages import Beat, Begun, Busy, Ended, Made, Message, Order, Stopped, Troubled

_LOOK_EVERY = 1.0  # seconds
_ASK_AGAIN = 5.0  # seconds, for what another worker has claimed
_MOST_KILLS = 20  # of workers from outside, on one recording
_STUCK, _TOO_LARGE = "took no step for {0:.0f} minutes", "took more than {0:.1f} GB of memory"


@dataclass(frozen=True)
class GivenUp:
    """A recording that is not tried again in this job; `for_good` when it is the recording's own fault."""

    entry: ListedFile
    reason: str
    attempts: int
    for_good: bool


Report = Ended | Beat | GivenUp | Stopped


@dataclass
class Hand:
    """A worker process: its end of the pipe, what it has been given, what it separates now, when it last said a word.

    `suspect` when it has a single recording that may have ended a worker before.
    """

    process: BaseProcess
    pipe: Connection
    device: str
    given: dict[str, ListedFile] = field(default_factory=dict)
    separating: set[str] = field(default_factory=set)
    suspect: bool = False
    stepped: float = 0.0
    ended_for: str = ""


class Crew:
    """Runs `size` workers over tasks until all have ended; `devices` are given out in turn."""

    def __init__(self, order: Order, size: int, devices: list[str]) -> None:
        self._order, self._size, self._devices = order, size, devices
        self._context = worker_context()
        self._hands: list[Hand] = []
        self._queue: deque[ListedFile] = deque()
        self._suspects: deque[ListedFile] = deque()
        self._busy: dict[str, ListedFile] = {}
        self._asked = 0.0
        self._faults: Counter[str] = Counter()
        self._kills: Counter[str] = Counter()
        self._idle_deaths = 0

    def work(self, tasks: list[Task]) -> Iterator[Report]:
        """Yield what becomes of the tasks, in any order; ends after the last, or after Stopped."""
        self._queue.extend(task.entry for task in tasks)
        try:
            while self._queue or self._suspects or self._busy or any(hand.given for hand in self._hands):
                self._hire()
                for report in self._listen():
                    yield report
                    if isinstance(report, Stopped):
                        return
                self._look_after()
        finally:
            self.dismiss()

    def dismiss(self) -> None:
        """End all workers: politely those that have nothing to do."""
        for hand in self._hands:
            if hand.given:
                hand.process.kill()
            else:
                with suppress(BrokenPipeError, ConnectionError):  # it has just died
                    hand.pipe.send(None)
        for hand in self._hands:
            hand.process.join(10)
            hand.process.kill()
            hand.pipe.close()
        self._hands.clear()

    def _hire(self) -> None:
        """Have as many workers as are of use, each with enough to do."""
        if self._busy and time.monotonic() - self._asked > _ASK_AGAIN:
            self._asked = time.monotonic()
            self._queue.extend(self._busy.values())
            self._busy.clear()
        waiting = len(self._queue) + len(self._suspects)
        while len(self._hands) < self._size and waiting > sum(not hand.given for hand in self._hands):
            self._hands.append(self._hired())
        for hand in self._hands:
            hand.suspect = bool(hand.given) and hand.suspect
            if self._suspects and not hand.given:
                self._give(hand, self._suspects.popleft())
                hand.suspect = True
        # as many as it separates at once, and the next, which it fetches; each gets the first before anyone a second
        for ahead in range(self._order.tracks + 1):
            for hand in [hand for hand in self._hands if not hand.suspect]:
                # towards the end nobody hoards what another could begin at once
                if len(self._queue) > (len(self._hands) if ahead else 0) and len(hand.given) <= ahead:
                    self._give(hand, self._queue.popleft())

    def _give(self, hand: Hand, entry: ListedFile) -> None:
        hand.given[entry.key] = entry
        with suppress(BrokenPipeError, ConnectionError):  # it died; the next look finds out
            hand.pipe.send(entry)

    def _hired(self) -> Hand:
        from components.separate.workers.worker import serve  # torch, which a job without recordings can do without

        taken = Counter(hand.device for hand in self._hands)
        device = min(self._devices, key=lambda name: taken[name])
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=serve, args=(theirs, self._order, device), daemon=True)
        process.start()
        theirs.close()
        return Hand(process, ours, device)

    def _listen(self) -> Iterator[Report]:
        """Yield what the workers say within the next second, and what their deaths mean."""
        ready = wait([hand.pipe for hand in self._hands], timeout=_LOOK_EVERY)
        for hand in [hand for hand in self._hands if hand.pipe in ready]:
            try:
                yield from self._heard(hand, hand.pipe.recv())
            except (EOFError, ConnectionError):
                self._hands.remove(hand)
                yield from self._died(hand)

    def _heard(self, hand: Hand, message: Message) -> Iterator[Report]:
        hand.stepped = time.monotonic()
        if isinstance(message, Begun):
            hand.separating.add(message.key)
            self._idle_deaths = 0
        elif isinstance(message, Made):
            hand.separating.discard(message.key)
        elif isinstance(message, Busy):
            self._busy[message.key] = self._taken_back(hand, message.key)
        elif isinstance(message, Troubled):
            yield from self._blamed(self._taken_back(hand, message.key), message.reason, self._faults)
        else:
            if isinstance(message, Ended):
                self._taken_back(hand, message.row.key)
            yield message

    def _taken_back(self, hand: Hand, key: str) -> ListedFile:
        hand.separating.discard(key)
        return hand.given.pop(key)

    def _died(self, hand: Hand) -> Iterator[Report]:
        """Give a dead worker's recordings back to the queue, the one that it separated with a mark against it.

        Of several at once nobody knows which it was: each is tried alone.
        """
        hand.process.join()
        separated = [hand.given.pop(key) for key in sorted(hand.separating)]
        guilty = separated[0] if len(separated) == 1 else None
        if len(separated) > 1:
            self._suspects.extend(separated)
        self._queue.extendleft(hand.given.values())
        code = hand.process.exitcode or 0
        from_outside = not hand.ended_for and code in (-signal.SIGKILL, -signal.SIGTERM)
        if not separated:
            self._idle_deaths += 1
            if self._idle_deaths >= (_MOST_KILLS if from_outside else self._order.config.attempts):
                yield Stopped(f"workers die before they begin a recording ({_words(code)}): see their messages above")
        elif guilty is None:
            return
        elif from_outside:
            yield from self._blamed(guilty, "its worker was killed (out of memory?)", self._kills)
        else:
            what = hand.ended_for or f"died of it ({_words(code)})"
            yield from self._blamed(guilty, f"its worker {what}", self._faults)

    def _blamed(self, entry: ListedFile, reason: str, marks: "Counter[str]") -> Iterator[GivenUp]:
        marks[entry.key] += 1
        for_good = marks is self._faults
        if marks[entry.key] < (self._order.config.attempts if for_good else _MOST_KILLS):
            self._queue.append(entry)
        else:
            yield GivenUp(entry, f"{reason}, {marks[entry.key]} times", marks[entry.key], for_good)

    def _look_after(self) -> None:
        """End workers that are stuck or too large; what that means is seen when they are gone."""
        config = self._order.config
        for hand in self._hands:
            if not hand.separating or hand.ended_for:
                continue
            if time.monotonic() - hand.stepped > config.stuck_seconds:
                hand.ended_for = _STUCK.format(config.stuck_seconds / 60)
            elif _gigabytes(hand.process) > config.worker_gigabytes:
                hand.ended_for = _TOO_LARGE.format(config.worker_gigabytes)
            if hand.ended_for:
                hand.process.kill()


def crew_size(workers: int, recordings: int, devices: list[str]) -> tuple[int, int]:
    """Return how many workers there are, and how many segments each runs at once: together as many as cores.

    On GPUs a worker a GPU; `workers` 0 is as many as are of use.
    """
    if devices != [CPU]:
        return workers or len(devices), 1
    size = max(1, min(workers or available_cores(), recordings))
    return size, max(1, available_cores() // size)


def _words(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _gigabytes(process: BaseProcess) -> float:
    try:
        return float(psutil.Process(process.pid).memory_info().rss) / 1e9
    except psutil.NoSuchProcess:
        return 0.0
