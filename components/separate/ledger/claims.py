"""Who works on which recording, so that two workers, on any hosts, never do the same one twice.

A claim is a file in the destination's books that only one can create. Its holder renews it while it works; one that was
not renewed for LEASE seconds, or whose process is known to be dead, may be taken over. Claims are numbered, and to take
over is to create the next number: of several that try, the store lets one succeed.

    _stemline/claims/<digest of the key>/0     the first holder's; 1, 2 … those that took over
"""

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from weakref import ref

from components.core.stores.owner import Owner
from components.core.stores.store import RECORDS, Store, StoreFault
from components.separate.ledger.destination_documents import digest_key

CLAIMS = f"{RECORDS}/claims"
LEASE = 60.0
"""Seconds after which a claim that was not renewed is another's to take."""


def claim_folder(key: str) -> str:
    """Return the folder of a recording's claims in the destination."""
    return f"{CLAIMS}/{digest_key(key)}"


def clear_dead(store: Store, key: str) -> None:
    """Delete what killed processes of this host have left of claims to a recording that is done."""
    folder = claim_folder(key)
    for name in store.names(folder):
        owner = Owner.parse(store.read(f"{folder}/{name}") or b"")
        if owner is not None and owner.is_dead:
            store.delete(f"{folder}/{name}")


@dataclass
class Seen:
    """What others' claims looked like, and since when they look so: clocks of hosts are never compared."""

    data: bytes
    since: float


class Claims:
    """The claims of one process; renewed by a thread of its own, so that they end when the process does."""

    def __init__(self, store: Store, lease: float = LEASE) -> None:
        self._store, self._lease = store, lease
        self._held: dict[str, str] = {}
        self._seen: dict[str, Seen] = {}
        self._lock = threading.Lock()
        self._beats = count(1)
        self._token = secrets.token_hex(8)  # tells the claims of one process apart, where there are several
        threading.Thread(target=_renew_while_in_use, args=(ref(self), lease / 4), name="claims", daemon=True).start()

    def take(self, key: str) -> bool:
        """Claim a recording; False while another holds it."""
        folder = claim_folder(key)
        numbers = [int(name) for name in self._store.names(folder) if name.isdecimal()]
        if numbers and not self._is_free(f"{folder}/{max(numbers)}"):
            return False
        claim = f"{folder}/{max(numbers, default=-1) + 1}"
        if not self._store.create(claim, self._document()):
            return False
        with self._lock:
            self._held[key] = claim
        return True

    def release(self, key: str) -> None:
        """Give a recording up, and clear away the claims of those before."""
        with self._lock:
            self._held.pop(key, None)
        folder = claim_folder(key)
        for name in sorted(self._store.names(folder), key=lambda name: (len(name), name)):  # its own, the last, last
            self._store.delete(f"{folder}/{name}")

    @contextmanager
    def held(self, key: str) -> Iterator[bool]:
        """Claim a recording for a while; yields whether that succeeded."""
        taken = self.take(key)
        try:
            yield taken
        finally:
            if taken:
                self.release(key)

    def _is_free(self, claim: str) -> bool:
        data = self._store.read(claim)
        if data is None:
            return True  # released in between
        owner = Owner.parse(data)
        if owner is not None and owner.is_dead:
            return True
        seen = self._seen.get(claim)
        if seen is None or seen.data != data:
            self._seen[claim] = Seen(data, time.monotonic())
            return False
        return time.monotonic() - seen.since > self._lease

    def _document(self) -> bytes:
        return json.dumps({**Owner.this().document(), "token": self._token, "beat": next(self._beats)}).encode()

    def renew(self) -> None:
        """Tell all others that this process still lives."""
        with self._lock:  # not while one is being given up: it would come back
            for claim in self._held.values():
                self._renew(claim)

    def _renew(self, claim: str) -> None:
        try:
            self._store.write(claim, self._document())
        except (StoreFault, OSError):
            return  # the work itself will meet it, and say so


def _renew_while_in_use(claims: "ref[Claims]", seconds: float) -> None:
    """Renew every `seconds`, until nobody has the claims any more: the thread itself does not keep them."""
    while True:
        time.sleep(seconds)
        in_use = claims()
        if in_use is None:
            return
        in_use.renew()
        del in_use
