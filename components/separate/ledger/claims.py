"""Claims: a worker claims a recording before it works on it, so no two workers do the same one, on any hosts.

A claim is a file at the destination that only one process can create. Its holder renews it during the work. Another
process may take it over when it was not renewed for LEASE seconds, or when its holder is known to be dead. Claims are
numbered; a takeover creates the next number, and the store lets only one process succeed.

    _stemline/claims/<digest of the key>/0     by the first holder; 1, 2 … by those that took over
"""

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from weakref import ref

from components.core.base.documents import Document
from components.core.stores.process_owner import Owner
from components.core.stores.selection import RECORDS
from components.core.stores.store import Store, StoreFault
from components.separate.ledger.destination_documents import digest_key, encode_document, parse_document

CLAIMS = f"{RECORDS}/claims"
LEASE = 60.0
"""Seconds after which another process may take over a claim that was not renewed."""


class Claim(Document):
    """A claim's file: the process that holds it, a token for each `Claims` in it, and a number that grows."""

    host: str
    pid: int
    started: float
    token: str = ""
    beat: int = 0

    @property
    def is_dead(self) -> bool:
        """Whether its holder has surely ended."""
        return Owner(self.host, self.pid, self.started).is_dead


def claim_folder(key: str) -> str:
    """Return the folder of a recording's claims."""
    return f"{CLAIMS}/{digest_key(key)}"


def delete_dead_claims(store: Store, key: str) -> None:
    """Delete claims on a separated recording whose holders, processes of this host, were killed."""
    folder = claim_folder(key)
    for name in store.names(folder):
        claim = parse_document(store.read(f"{folder}/{name}"), Claim)
        if claim is not None and claim.is_dead:
            store.delete(f"{folder}/{name}")


@dataclass
class _Observation:
    """The content of another process's claim, and since when it is unchanged, by this host's clock."""

    data: bytes
    since: float


class Claims:
    """The claims of one process; a thread renews them, so they end with the process."""

    def __init__(self, store: Store, lease: float = LEASE) -> None:
        self._store, self._lease = store, lease
        self._held: dict[str, str] = {}
        self._observed: dict[str, _Observation] = {}
        self._lock = threading.Lock()
        self._beats = count(1)
        self._token = secrets.token_hex(8)
        threading.Thread(target=_renew_while_in_use, args=(ref(self), lease / 4), name="claims", daemon=True).start()

    def take(self, key: str) -> bool:
        """Claim a recording; return False while another process holds it."""
        folder = claim_folder(key)
        numbers = [int(name) for name in self._store.names(folder) if name.isdecimal()]
        if numbers and not self._is_free(f"{folder}/{max(numbers)}"):
            return False
        claim = f"{folder}/{max(numbers, default=-1) + 1}"
        if not self._store.create(claim, self._encode()):
            return False
        with self._lock:
            self._held[key] = claim
        return True

    def release(self, key: str) -> None:
        """Release a recording: delete its claims, the one of this process last."""
        with self._lock:
            self._held.pop(key, None)
        folder = claim_folder(key)
        for name in sorted(self._store.names(folder), key=lambda name: (len(name), name)):
            self._store.delete(f"{folder}/{name}")

    @contextmanager
    def held(self, key: str) -> Iterator[bool]:
        """Hold a claim inside a `with` block; yields whether it could be taken."""
        taken = self.take(key)
        try:
            yield taken
        finally:
            if taken:
                self.release(key)

    def _is_free(self, key: str) -> bool:
        data = self._store.read(key)
        if data is None:
            return True  # it was released in between
        claim = parse_document(data, Claim)
        if claim is not None and claim.is_dead:
            return True
        observed = self._observed.get(key)
        if observed is None or observed.data != data:
            self._observed[key] = _Observation(data, time.monotonic())
            return False
        return time.monotonic() - observed.since > self._lease

    def _encode(self) -> bytes:
        owner = Owner.this()
        claim = Claim(
            host=owner.host, pid=owner.pid, started=owner.started, token=self._token, beat=next(self._beats)
        )  # fmt: skip
        return encode_document(claim)

    def renew(self) -> None:
        """Renew all claims, so that other processes see that this one still runs."""
        with self._lock:  # a claim that is being released must not come back
            for claim in self._held.values():
                self._renew(claim)

    def _renew(self, claim: str) -> None:
        try:
            self._store.write(claim, self._encode())
        except (StoreFault, OSError):
            return  # the work itself meets the same fault, and reports it


def _renew_while_in_use(claims: "ref[Claims]", seconds: float) -> None:
    """Renew every `seconds` until nobody uses the claims any more; this thread does not keep them alive."""
    while True:
        time.sleep(seconds)
        in_use = claims()
        if in_use is None:
            return
        in_use.renew()
        del in_use
