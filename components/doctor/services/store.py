"""Check of a store: which rights does the key have on it? Tried with a small file that is deleted again."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from components.core.base.errors import UserError
from components.core.stores.opening import AnyStore, open_store
from components.core.stores.process_owner import Owner
from components.core.stores.selection import RECORDS
from components.core.stores.store import RecordingGone
from components.doctor.finding import Finding, Findings, ok, problem

_DATA, _REPLACEMENT = b"stemline doctor: may be deleted", b"stemline doctor: must not replace"
_CHECK_RIGHTS = "check the key's rights on this bucket; for a SOURCE of recordings `list` and `read` are enough"
_NEED_CONDITION = "the store must honour If-None-Match on writes: without it two workers may do the same recording"


def check_store(address: str) -> Findings:
    """List, write, read, create without replacing, and delete, below `_stemline/doctor` of the store."""
    try:
        store = open_store(address, patience=0.0)
        first = next(store.keys(), None)
    except (UserError, OSError) as error:
        yield problem(address, f"list: {_describe(error)}", "check AWS_ENDPOINT_URL, AWS_DEFAULT_REGION and ~/.aws")
        return
    yield ok(address, f"list: {'empty' if first is None else 'holds files'}")
    yield from _try_rights(store, address, f"{RECORDS}/doctor/{Owner.this().label}")


def _try_rights(store: AnyStore, address: str, key: str) -> Iterator[Finding]:
    steps: dict[str, Callable[[], None]] = {
        "write": lambda: store.write(key, _DATA),
        "read": lambda: _try_read(store, key),
        "create": lambda: _try_create(store, key),
        "delete": lambda: _try_delete(store, key),
    }
    done, seconds = [], 0.0
    for name, step in steps.items():
        began = time.perf_counter()
        try:
            step()
        except (UserError, OSError) as error:
            remedy = _NEED_CONDITION if isinstance(error, RecordingGone) else _CHECK_RIGHTS
            yield problem(address, f"{name}: {_describe(error)}", remedy)
            continue
        seconds += time.perf_counter() - began
        done.append(name)
    if done:
        yield ok(address, f"{', '.join(done)}: {1000 * seconds / len(done):.0f} ms each")


def _try_read(store: AnyStore, key: str) -> None:
    data = store.read(key)
    if data not in (None, _DATA):
        raise UserError(f"the {len(data or b'')} bytes read differ from the bytes written")


def _try_create(store: AnyStore, key: str) -> None:
    """Create a new file, then create it again: the store must refuse the second time and change nothing."""
    name = f"{key}-once"
    try:
        first, second = store.create(name, _DATA), store.create(name, _REPLACEMENT)
        if not first or second or store.read(name) != _DATA:
            raise RecordingGone("an existing file was replaced")
    finally:
        with suppress(UserError, OSError):  # `delete` is tried next
            store.delete(name)


def _try_delete(store: AnyStore, key: str) -> None:
    store.delete(key)
    if store.read(key) is not None:
        raise UserError("the deleted file still exists")


def _describe(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
