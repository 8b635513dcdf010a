"""The provenance of a recording: its content, when it is written, and damaged ones."""

import hashlib
import json
from pathlib import Path

import pytest
import soundfile

from components.core.base.files import digest_file
from components.core.models.model_description import WEIGHTS
from components.separate.workers import recording_transfer
from tests.components.separate.destination_files import files
from tests.components.separate.in_process_job import counts, separate
from tests.support.tiny_models import noise

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.mark.slow
@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"{}", b'{"source": 1, "stems": []}'])
def test_damaged_provenance_is_replaced(model: Path, music: Path, tmp_path: Path, damage: bytes) -> None:
    out = tmp_path / "out"
    separate(model, music / "a.wav", out)
    before = files(out)
    (out / "a.wav" / "provenance.json").write_bytes(damage)
    assert counts(separate(model, music / "a.wav", out)) == (1, 0, 0, 0)
    assert files(out) == before


def test_provenance_names_the_origin_of_a_stem(model: Path, music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    separate(model, music / "a.wav", out)
    document = json.loads((out / "a.wav" / "provenance.json").read_text(encoding="utf-8"))
    state = (music / "a.wav").stat()
    source = document["source"]
    assert len(source.pop("samples_sha256")) == 64
    assert source == {
        "store": str(music),
        "key": "a.wav",
        "bytes": state.st_size,
        "stamp": str(state.st_mtime_ns),
        "sha256": digest_file(music / "a.wav"),
        "samples": 3000,
        "rate": 44100,
        "channels": 2,
        "subtype": "PCM_16",
        "decoder": f"libsndfile {soundfile.__libsndfile_version__}",
    }
    network = document["model"].pop("network")
    assert network["name"] == "unet"
    assert document["model"] == {
        "name": model.name,
        "version": 0,
        "sha256": digest_file(model / WEIGHTS),
        "run_id": "0123456789abcdef",
        "git_commit": "c0ffee",
        "targets": ["vocals", "accompaniment"],
        "converted_from": "",
        "files": {},
        "members": [],
    }
    for target in ("vocals", "accompaniment"):
        data = (out / "a.wav" / f"{target}.wav").read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        assert document["stems"][target] == {"file": f"{target}.wav", "sha256": digest, "clipped": 0}
    assert {"torch", "soundfile", "stemline"} <= document["packages"].keys()
    assert document["machine"].keys() == {"machine", "system", "python", "hardware"}
    assert document["code"]


def test_provenance_is_written_last(model: Path, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that ends after the last stem leaves neither a provenance nor files of an earlier job."""
    out = tmp_path / "out"
    separate(model, music / "a.wav", out)
    soundfile.write(music / "a.wav", noise(99, 3000).T, 44100, "PCM_16")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(recording_transfer, "write_document", stop)
        with pytest.raises(KeyboardInterrupt):
            separate(model, music / "a.wav", out)
    assert "a.wav/provenance.json" not in files(out)
    assert {"a.wav/accompaniment.wav", "a.wav/vocals.wav"} <= files(out).keys()
    assert counts(separate(model, music / "a.wav", out)) == (1, 0, 0, 0)
