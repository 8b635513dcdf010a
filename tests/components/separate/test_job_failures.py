"""A job accounts for bad recordings, and stops when its store or its command is wrong."""

import errno
import json
from dataclasses import asdict
from pathlib import Path

import pytest
import soundfile

from components.core.base.errors import Outage, UserError
from components.core.stores.folder import FolderStore
from components.core.stores.opening import open_store
from components.core.stores.process_owner import Owner
from components.core.stores.selection import RECORDS
from components.core.stores.store import StoreFault, StoreOutage
from components.separate.ledger.claims import claim_folder
from tests.components.separate.destination_files import files
from tests.components.separate.in_process_job import counts, rows, separate
from tests.support.tiny_models import noise

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.mark.slow
def test_bad_recording_is_quarantined_and_not_repeated(model: Path, music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (music / "a0.wav").write_bytes(b"rubbish" * 100)
    (music / "empty.m4a").touch()
    whole = (music / "a.flac").read_bytes()
    (music / "half.flac").write_bytes(whole[: len(whole) // 2])
    (music / "link.wav").symlink_to(tmp_path / "nowhere")
    (music / "folder.wav").mkdir()
    bad = {"a0.wav", "empty.m4a", "half.flac", "link.wav", "folder.wav"}
    assert counts(separate(model, music, out)) == (7, 0, 5, 0)
    found = {key: row for key, row in rows(out).items() if row.state == "quarantined"}
    assert found.keys() == bad
    assert all(row.reason and len(row.reason.splitlines()) == 1 for row in found.values())
    assert not (out / "half.flac").exists()
    assert counts(separate(model, music, out)) == (0, 7, 5, 0)
    assert {key: row.reason for key, row in rows(out).items() if row.state == "quarantined"} == {
        key: row.reason for key, row in found.items()
    }


@pytest.mark.slow
def test_replaced_bad_recording_is_tried_again(model: Path, music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (music / "bad.wav").write_bytes(b"rubbish" * 100)
    assert counts(separate(model, music, out)) == (7, 0, 1, 0)
    assert counts(separate(model, music, out, {"retry_quarantined": True})) == (0, 7, 1, 0)
    soundfile.write(music / "bad.wav", noise(1, 3000).T, 44100)
    assert counts(separate(model, music, out)) == (1, 7, 0, 0)
    assert list((out / RECORDS / "quarantine").iterdir()) == []


@pytest.mark.slow
def test_claim_of_a_killed_process_is_removed(model: Path, music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    separate(model, music, out)
    store = open_store(str(out))
    dead, other = Owner(Owner.this().host, 1 << 22, 1.0), Owner("elsewhere", 1 << 22, 1.0)
    for key, owner in (("a.wav", dead), ("a.flac", other)):
        store.write(f"{claim_folder(key)}/0", json.dumps(asdict(owner)).encode())
    assert counts(separate(model, music, out)) == (0, 7, 0, 0)
    assert store.names(claim_folder("a.wav")) == []
    assert store.names(claim_folder("a.flac")) == ["0"]  # whether it is dead can't be told from here


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "raised", "says"),
    [
        (StoreOutage("s3://x does not answer"), Outage, "does not answer"),
        (StoreFault("s3://x: access denied: check AWS_ACCESS_KEY_ID"), UserError, "access denied"),
        (OSError(errno.ENOSPC, "No space left on device", "/full"), UserError, "/full: No space left on device"),
    ],
)
def test_store_failure_stops_the_job_and_the_next_job_completes_it(
    model: Path,
    music: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Exception,
    raised: type[UserError],
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, whole, stored = tmp_path / "out", tmp_path / "whole", []
    put = FolderStore.put

    def put_a_few(self: FolderStore, local: Path, key: str) -> None:
        stored.append(key)
        if len(stored) > 7:
            raise fault
        put(self, local, key)

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "put", put_a_few)
        with pytest.raises(raised, match=says) as stopped:
            separate(model, music, out)
    assert type(stopped.value) is raised
    assert len(str(stopped.value).splitlines()) == 1
    assert "= 2 done + 0 done before + 0 quarantined + 5 failed" in capsys.readouterr().out
    assert counts(separate(model, music, out)) == (5, 2, 0, 0)
    separate(model, music, whole)
    assert files(out) == files(whole)


def test_missing_source_or_model_is_a_user_error(model: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is neither a file nor a folder"):
        separate(model, tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(UserError, match=r"is not a model: model\.json is missing"):
        separate(tmp_path / "no-model", tmp_path, tmp_path / "out")
    with pytest.raises(UserError, match="the model has no stem 'drums'"):
        separate(model, tmp_path, tmp_path / "out", stems=("drums",))


def test_stems_do_not_replace_the_recording(model: Path, music: Path) -> None:
    """`separate song.wav .` would give the folder of the stems the name of the recording."""
    before = (music / "a.wav").read_bytes()
    with pytest.raises(UserError, match="give another destination"):
        separate(model, music / "a.wav", music)
    assert (music / "a.wav").read_bytes() == before


@pytest.mark.slow
def test_file_in_the_place_of_a_folder_fails_one_recording(model: Path, music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.wav").touch()
    assert counts(separate(model, music, out)) == (6, 0, 1, 0)
    assert "a file lies where a folder must be" in rows(out)["a.wav"].reason
