"""Claims: no two workers do the same recording, and the recording of a dead worker is claimed again."""

import json
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import pytest

from components.core.stores.opening import AnyStore, open_store
from components.core.stores.process_owner import Owner
from components.separate.ledger.claims import Claims, claim_folder
from tests.support.tiny_models import environment

KEY = "歌/song.flac"


def _claim_on_another_host(store: AnyStore, beat: int = 1, number: int = 0) -> None:
    """Write the claim of a process of another host."""
    document = json.dumps({**asdict(Owner("elsewhere", 7, 1.0)), "beat": beat})
    store.write(f"{claim_folder(KEY)}/{number}", document.encode())


def test_claimed_recording_cannot_be_claimed_again(store: AnyStore) -> None:
    first, second = Claims(store), Claims(store)
    assert first.take(KEY)
    assert not second.take(KEY)
    assert second.take("another")
    first.release(KEY)
    assert second.take(KEY)


def test_one_of_many_claims_succeeds(store: AnyStore) -> None:
    start, taken = threading.Barrier(8), []

    def take() -> None:
        claims = Claims(store)
        start.wait()
        taken.append(claims.take(KEY))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 1


def test_released_claim_leaves_no_file(store: AnyStore) -> None:
    claims = Claims(store)
    with claims.held(KEY) as taken:
        assert taken
        assert list(store.keys())
    assert list(store.keys()) == []


def test_killed_process_loses_its_claim(store: AnyStore, tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from components.separate.ledger.claims import Claims\n"
        "from components.core.stores.opening import open_store\n"
        f"print(Claims(open_store(sys.argv[1])).take({KEY!r}), flush=True)\n"
        "time.sleep(600)\n"
    )
    command = [sys.executable, "-c", code, store.describe("")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(), cwd=tmp_path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert not Claims(store).take(KEY)
        holder.kill()
    claims = Claims(store)
    assert claims.take(KEY)
    assert not Claims(store).take(KEY)
    claims.release(KEY)
    assert list(store.keys()) == []


def test_claim_of_another_host_holds_while_it_is_renewed(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    claims = Claims(store, lease=0.2)
    _claim_on_another_host(store, beat=1)
    for beat in range(2, 6):
        assert not claims.take(KEY)
        threading.Event().wait(0.15)
        _claim_on_another_host(store, beat)
    assert not claims.take(KEY)
    threading.Event().wait(0.3)
    assert claims.take(KEY)  # it was not renewed for longer than its lease


def test_claim_is_renewed_while_it_is_held(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    holder = Claims(store, lease=0.2)
    assert holder.take(KEY)
    seen = set()
    for _ in range(10):
        seen.add(store.read(f"{claim_folder(KEY)}/0"))
        threading.Event().wait(0.05)
    assert len(seen) > 3
    holder.release(KEY)
    threading.Event().wait(0.2)
    assert store.names(claim_folder(KEY)) == []  # the renewal does not create it again


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff"])
def test_damaged_claim_ends_with_its_lease(tmp_path: Path, damage: bytes) -> None:
    store = open_store(str(tmp_path))
    claims = Claims(store, lease=0.1)
    store.write(f"{claim_folder(KEY)}/3", damage)
    assert not claims.take(KEY)
    threading.Event().wait(0.2)
    assert claims.take(KEY)
    assert store.names(claim_folder(KEY)) == ["3", "4"]


def test_released_claims_are_not_renewed(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    claims = Claims(store, lease=0.2)
    assert claims.take(KEY)
    del claims
    threading.Event().wait(0.1)
    last = store.read(f"{claim_folder(KEY)}/0")
    threading.Event().wait(0.3)
    assert store.read(f"{claim_folder(KEY)}/0") == last
