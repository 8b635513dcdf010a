"""What may be done in a store, tried with a small file of our own that is deleted again."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from components.core.base.errors import UserError
from components.core.stores.opening import AnyStore, open_store
from components.core.stores.owner import Owner
from components.core.stores.store import RECORDS, RecordingGone
from components.doctor.finding import Finding, Findings, ok, problem

_DATA, _OTHER = b"stemline doctor: may be deleted", b"stemline doctor: must not replace"
_RIGHTS = "check the key's rights on this bucket; as a SOURCE of recordings `list` and `read` are enough"
_DEPENDS = "the store must honour If-None-Match on writes: without it two workers may take the same recording"


def check_store(address: str) -> Findings:
    """List, write, read, create only where there is nothing, and delete, below `_stemline/doctor` of the store."""
    try:
        store = open_store(address, patience=0.0)
        first = next(store.keys(), None)
    except (UserError, OSError) as error:
        yield problem(address, f"list: {_reason(error)}", "see also AWS_ENDPOINT_URL, AWS_DEFAULT_REGION, ~/.aws")
        return
    yield ok(address, f"list: {'empty' if first is None else 'holds files'}")
    yield from _rights(store, address, f"{RECORDS}/doctor/{Owner.this().label}")


def _rights(store: AnyStore, address: str, key: str) -> Iterator[Finding]:
    steps: dict[str, Callable[[], None]] = {
        "write": lambda: store.write(key, _DATA),
        "read": lambda: _read(store, key),
        "create": lambda: _create(store, key),
        "delete": lambda: _delete(store, key),
    }
    done, taken = [], 0.0
    for name, step in steps.items():
        began = time.perf_counter()
        try:
            step()
        except (UserError, OSError) as error:
            yield problem(
                address, f"{name}: {_reason(error)}", _DEPENDS if isinstance(error, RecordingGone) else _RIGHTS
            )
            continue
        taken += time.perf_counter() - began
        done.append(name)
    if done:
        yield ok(address, f"{', '.join(done)}: {1000 * taken / len(done):.0f} ms each")


def _read(store: AnyStore, key: str) -> None:
    data = store.read(key)
    if data not in (None, _DATA):
        raise UserError(f"{len(data or b'')} bytes came back that were not written")


def _create(store: AnyStore, key: str) -> None:
    """Create a file of its own, then once more: the second time it must be refused, and change nothing."""
    name = f"{key}-once"
    try:
        first, second = store.create(name, _DATA), store.create(name, _OTHER)
        if not first or second or store.read(name) != _DATA:
            raise RecordingGone("a file that was there was replaced")
    finally:
        with suppress(UserError, OSError):  # whether deleting is allowed is the next question
            store.delete(name)


def _delete(store: AnyStore, key: str) -> None:
    store.delete(key)
    if store.read(key) is not None:
        raise UserError("it is still there afterwards")


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
