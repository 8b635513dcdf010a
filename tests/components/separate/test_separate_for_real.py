"""What only real processes, real lengths and a real object store show. Slow."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from core.tiny import environment, noise, run_python, save_tiny_model

from components.core.files import digest_file
from components.core.networks.unet import UNetConfig
from components.core.stft import StftConfig

pytestmark = pytest.mark.slow

LONG = UNetConfig(widths=(2, 4), stft=StftConfig(window=2048, hop=1024), bins=64, frames=129)
"""Little work a second of sound, in segments of three seconds."""

MEASURED = """
import resource, sys
from pathlib import Path
from components.core.model_store import fetch_model
from components.core.postprocessing import PostProcessing
from components.separate.separate import separate
from components.separate.stores import open_store
address = fetch_model(sys.argv[1], Path("models"))
outcome = separate(address, PostProcessing(), open_store(sys.argv[2]), open_store(sys.argv[3]))
print(outcome.separated, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _files(folder: Path) -> dict[str, str]:
    """Digests by name; what a killed run left unfinished is hidden and does not count."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): digest_file(path) for path in files}


def _write_minutes(path: Path, minutes: int) -> None:
    with soundfile.SoundFile(path, "w", 44100, 2, "PCM_16") as file:
        for minute in range(minutes):
            file.write(noise(minute, 60 * 44100).T)


def test_ten_minutes_add_up_in_the_memory_of_one(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", network=LONG)
    peaks = {}
    for minutes in (1, 10):
        source, out = tmp_path / f"{minutes}.wav", tmp_path / f"out{minutes}"
        _write_minutes(source, minutes)
        result = run_python("-c", MEASURED, str(model), str(source), str(out), cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        separated, peak = map(int, result.stdout.split()[-2:])
        assert separated == 1
        peaks[minutes] = peak / 1024
        stems = [out / source.name / f"{target}.wav" for target in ("vocals", "accompaniment")]
        blocks = [soundfile.blocks(path, 1 << 20, dtype="int16") for path in (source, *stems)]
        for whole, vocals, accompaniment in zip(*blocks, strict=True):
            assert np.array_equal(vocals.astype(int) + accompaniment, whole)
        assert soundfile.info(stems[0]).frames == minutes * 60 * 44100
    # nine minutes of this sound are 190 MB as floats
    assert peaks[10] - peaks[1] < 40, peaks


def test_kill_9_and_again_gives_the_same_files(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", network=LONG)
    music = tmp_path / "music"
    music.mkdir()
    for number in range(6):
        soundfile.write(music / f"{number}.flac", noise(number, 10 * 44100).T, 44100)
    command = ["-m", "components.separate", "--model", str(model), str(music)]
    undisturbed = run_python(*command, "whole", cwd=tmp_path)
    assert undisturbed.returncode == 0, undisturbed.stderr

    killed = subprocess.Popen([sys.executable, *command, "out"], cwd=tmp_path, env=environment(), text=True)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "out").glob("*/provenance.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    done = list((tmp_path / "out").glob("*/provenance.json"))
    assert 0 < len(done) < 6
    times = {path: path.stat().st_mtime_ns for path in done}

    again = run_python(*command, "out", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert f"{6 - len(done)} separated + {len(done)} done before + 0 failed" in again.stdout
    assert _files(tmp_path / "out") == _files(tmp_path / "whole")
    assert {path: path.stat().st_mtime_ns for path in done} == times


@dataclass(frozen=True)
class Bucket:
    """A running S3 server: where it is, the process, and what a client needs to reach it."""

    server: subprocess.Popen[bytes]
    variables: dict[str, str]


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Bucket]:
    """A bucket `music` on a server of this machine that asks for credentials."""
    ports = {name: _free_port() for name in ("s3", "master", "volume", "filer")}
    keys = {"AWS_ACCESS_KEY_ID": "stemline", "AWS_SECRET_ACCESS_KEY": "a-secret"}
    weed = Path(sys.executable).parent / "weed"
    command = [str(weed), "mini", f"-dir={tmp_path / 'weed'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-bucket=music"]
    command += [f"-s3.port={ports['s3']}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-admin.ui=false", "-webdav=false"]
    command += [f"-{name}.port={ports[name]}" for name in ("master", "volume", "filer")]
    (tmp_path / "weed").mkdir()
    with (tmp_path / "weed.log").open("wb") as log:
        server = subprocess.Popen(command, env=os.environ | keys, stdout=log, stderr=log, cwd=tmp_path)
    variables = {**keys, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports['s3']}", "AWS_DEFAULT_REGION": "us-east-1"}
    try:
        _wait_for(ports["s3"], server, tmp_path / "weed.log")
        yield Bucket(server, variables)
    finally:
        server.kill()
        server.wait()


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text(errors="replace")[-2000:]
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(2.0)  # until the bucket is made
                return
        time.sleep(0.1)
    raise AssertionError(f"no server on port {port}")


S3 = """
import sys, s3fs
files = s3fs.S3FileSystem()
if sys.argv[1] == "put":
    files.put(sys.argv[2], sys.argv[3], recursive=True)
else:
    files.get(sys.argv[2], sys.argv[3], recursive=True)
"""


def _copy(bucket: Bucket, *arguments: str) -> None:
    result = run_python("-c", S3, *arguments, more=bucket.variables)
    assert result.returncode == 0, result.stderr


def test_from_bucket_to_bucket(bucket: Bucket, tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    music = tmp_path / "music"
    for number, name in enumerate(("a.wav", "歌/été 'b', c.flac")):
        (music / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(music / name, noise(number, 9000).T, 44100, "PCM_16")
    (music / "bad.wav").write_bytes(b"rubbish" * 100)
    (music / "notes.txt").write_text("no sound")
    _copy(bucket, "put", f"{music}/", "music/in/")
    command = ["-m", "components.separate", "--model", str(model)]
    by_bucket = [*command, "s3://music/in", "s3://music/out/stems"]

    first = run_python(*by_bucket, cwd=tmp_path, more=bucket.variables)
    assert first.returncode == 2, first.stderr
    assert "3 recordings = 2 separated + 0 done before + 1 failed; stems in s3://music/out/stems" in first.stdout
    assert "failed: s3://music/in/bad.wav: " in first.stderr
    second = run_python(*by_bucket, cwd=tmp_path, more=bucket.variables)
    assert "3 recordings = 0 separated + 2 done before + 1 failed" in second.stdout

    _copy(bucket, "get", "music/out/stems/", f"{tmp_path / 'fetched'}/")
    local = run_python(*command, str(music), str(tmp_path / "local"), cwd=tmp_path)
    assert local.returncode == 2, local.stderr
    assert _files(tmp_path / "fetched") == _files(tmp_path / "local")
    assert len(_files(tmp_path / "fetched")) == 6
    document = json.loads((tmp_path / "fetched" / "a.wav" / "provenance.json").read_text(encoding="utf-8"))
    assert document["source"]["key"] == "a.wav"

    single = run_python(*command, "s3://music/in/a.wav", "s3://music/one", cwd=tmp_path, more=bucket.variables)
    assert single.returncode == 0, single.stderr
    assert "1 recordings = 1 separated" in single.stdout


def test_a_store_that_refuses_or_is_down_is_one_line(bucket: Bucket, tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    soundfile.write(tmp_path / "a.wav", noise(0, 2000).T, 44100)
    _copy(bucket, "put", str(tmp_path / "a.wav"), "music/in/a.wav")

    def fails(source: str, destination: str, **more: str) -> str:
        began = time.monotonic()
        command = ["-m", "components.separate", "--model", str(model), source, destination]
        result = run_python(*command, cwd=tmp_path, more=bucket.variables | more)
        assert time.monotonic() - began < 90
        assert result.returncode == 2, result.stderr
        assert "Traceback" not in result.stderr
        [line] = [line for line in result.stderr.splitlines() if line.startswith(("stemline: ", "failed: "))]
        return line

    wrong = {"AWS_SECRET_ACCESS_KEY": "a-guess"}
    assert "s3://music/in: access denied" in fails("s3://music/in", "out", **wrong)
    assert "AWS_ACCESS_KEY_ID" in fails("s3://music/in", "out", AWS_ACCESS_KEY_ID="nobody")
    assert "access denied" in fails("a.wav", "s3://music/out", **wrong)
    assert "check the bucket's name" in fails("s3://music/nowhere", "out")
    assert "check the bucket's name" in fails("s3://no-such-bucket/in", "out")
    bucket.server.kill()
    bucket.server.wait()
    assert "is AWS_ENDPOINT_URL right, and the store up?" in fails("s3://music/in", "out")
    assert "is AWS_ENDPOINT_URL right, and the store up?" in fails("a.wav", "s3://music/out")
