"""Jobs with real processes, long recordings and a real object store. Slow."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from components.core.base.exit_codes import ExitCode
from components.core.base.files import digest_file
from components.core.networks.architectures.unet import UNetConfig
from components.core.sound.stft_config import StftConfig
from components.core.stores.selection import RECORDS
from components.separate.ledger.ledger_table import Row, read_rows
from tests.support.bucket import Bucket
from tests.support.tiny_models import environment, noise, run_python, save_tiny_model

pytestmark = pytest.mark.system

LONG = UNetConfig(widths=(2, 4), stft=StftConfig(window=2048, hop=1024), bins=64, frames=129)
"""A network with little work per second of sound, in segments of three seconds."""

COMMAND = ("-m", "components.separate", "--models", "models")


def files(folder: Path) -> dict[str, str]:
    """Digests by name of what belongs to recordings."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    named = {path.relative_to(folder).as_posix(): path for path in paths}
    return {
        name: digest_file(path) for name, path in named.items() if name != "index.html" and not name.startswith(RECORDS)
    }


def stems(folder: Path) -> dict[str, str]:
    """The same without the provenance, which names the store of the recordings."""
    return {name: digest for name, digest in files(folder).items() if not name.endswith("provenance.json")}


def ledger(folder: Path) -> dict[str, Row]:
    """Rows by key; no key is there twice."""
    found = list(read_rows(folder / RECORDS / "ledger.parquet"))
    by_key = {row.key: row for row in found}
    assert len(by_key) == len(found)
    summary = json.loads((folder / RECORDS / "summary.json").read_text(encoding="utf-8"))
    states = [row.state for row in found]
    assert {state: states.count(state) for state in ("done", "skipped", "quarantined", "failed")} == {
        state: summary[state] for state in ("done", "skipped", "quarantined", "failed")
    }
    assert summary["listed"] == len(found)
    return by_key


def _write_minutes(path: Path, minutes: int) -> None:
    with soundfile.SoundFile(path, "w", 44100, 2, "PCM_16") as file:
        for minute in range(minutes):
            file.write(noise(minute, 60 * 44100).T)


def test_ten_minutes_need_the_memory_of_one(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", network=LONG)
    peaks = {}
    for minutes in (1, 10):
        source, out = tmp_path / f"{minutes}.wav", tmp_path / f"out{minutes}"
        _write_minutes(source, minutes)
        command = [sys.executable, *COMMAND, "--model", str(model), str(source), str(out)]
        with subprocess.Popen(command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE) as process:
            peaks[minutes] = max(_megabytes_below(process), default=0.0)
            assert process.wait() == 0, process.stderr.read() if process.stderr else ""
        written = [out / source.name / f"{target}.wav" for target in ("vocals", "accompaniment")]
        blocks = [soundfile.blocks(path, 1 << 20, dtype="int16") for path in (source, *written)]
        for whole, vocals, accompaniment in zip(*blocks, strict=True):
            assert np.array_equal(vocals.astype(int) + accompaniment, whole)
        assert soundfile.info(written[0]).frames == minutes * 60 * 44100
    # nine minutes of this sound are 190 MB as floats
    assert peaks[10] - peaks[1] < 40, peaks


def _megabytes_below(process: "subprocess.Popen[bytes]") -> Iterator[float]:
    """Yield the memory of the largest process below `process`, until that ends."""
    while process.poll() is None:
        yield max((_megabytes(child) for child in _below(process.pid)), default=0.0)
        time.sleep(0.05)


def _below(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _megabytes(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


def _workers(pid: int) -> list[psutil.Process]:
    """The worker processes of a job: children of its fork server, which is a child of it."""
    found = []
    for child in _below(pid):
        try:
            if child.ppid() != pid and "multiprocessing.forkserver" in " ".join(child.cmdline()):
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def _music(folder: Path, recordings: int, seconds: int) -> Path:
    folder.mkdir()
    for number in range(recordings):
        length = seconds * 44100 * (1 + number % 4) // 2
        soundfile.write(folder / f"{number:02d}.flac", noise(number, length).T, 44100)
    return folder


def test_stems_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", network=LONG)
    music = _music(tmp_path / "music", 6, 5)
    for workers in (1, 3):
        command = [*COMMAND, "--model", str(model), "--workers", str(workers), str(music), f"out{workers}"]
        result = run_python(*command, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert (
            f"6 recordings = 6 done + 0 done before + 0 quarantined + 0 failed; stems in out{workers}" in result.stdout
        )
    assert files(tmp_path / "out1") == files(tmp_path / "out3")
    assert len(files(tmp_path / "out1")) == 24


def test_two_jobs_share_a_catalogue(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", network=LONG)
    music = _music(tmp_path / "music", 12, 10)
    command = [sys.executable, *COMMAND, "--model", str(model), "--workers", "2", str(music), "out"]
    jobs = [
        subprocess.Popen(command, cwd=tmp_path, env=environment(), text=True, stdout=subprocess.PIPE) for _ in range(2)
    ]
    output = [job.communicate(timeout=300)[0] for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0]
    done = [int(line.split(" = ")[1].split()[0]) for text in output for line in text.splitlines() if " = " in line]
    assert sum(done) == 12, output  # together they did all recordings, each once
    assert list((tmp_path / "out" / RECORDS / "claims").iterdir()) == []


@dataclass
class Chaos:
    """A job whose processes are killed, and which is started again until it ends by itself."""

    command: list[str]
    cwd: Path
    variables: dict[str, str]
    random: random.Random
    kills: int = 0
    starts: int = 0
    log: list[str] = field(default_factory=list)

    def run(self, kills: int, bucket: Bucket) -> int:
        """Kill `kills` processes at random moments, cut the store off twice, and return the last exit code."""
        cuts = {kills // 3, 2 * kills // 3}
        process = self._start()
        while process.poll() is None:
            time.sleep(self.random.uniform(0.1, 0.8))
            if self.kills in cuts:
                cuts.remove(self.kills)
                bucket.stop()
                time.sleep(self.random.uniform(2.0, 6.0))
                bucket.start()
            if self.kills < kills and process.poll() is None:
                self._kill_something(process)
            if process.poll() is not None and process.returncode not in (0, 4):
                if self.starts > 3 * kills:
                    break
                process = self._start()
        return process.returncode

    def _kill_something(self, process: "subprocess.Popen[str]") -> None:
        workers = _workers(process.pid)
        if workers and self.random.random() < 0.75:
            self.random.choice(workers).kill()
            self.kills += 1
        elif workers:  # not while it starts: that would prove little
            process.kill()
            process.wait()
            self.kills += 1

    def _start(self) -> "subprocess.Popen[str]":
        self.starts += 1
        with (self.cwd / "job.log").open("a") as log:
            return subprocess.Popen(
                self.command, cwd=self.cwd, env=environment(**self.variables), text=True, stdout=log, stderr=log
            )


def test_job_survives_kills_and_store_outages(bucket: Bucket, tmp_path: Path) -> None:
    """At least 20 kills with -9, the store stopped and started twice: the same files as of an undisturbed job."""
    model = save_tiny_model(tmp_path / "model", network=LONG)
    music = _music(tmp_path / "in", 30, 12)
    (music / "bad.wav").write_bytes(b"rubbish" * 100)
    bucket.put(music, "in")
    base = [*COMMAND, "--model", str(model), "--workers", "2", "--patience-seconds", "120", "s3://music/in"]
    quiet = run_python(*base, "s3://music/quiet", cwd=tmp_path, more=bucket.variables)
    assert quiet.returncode == 4, quiet.stderr

    chaos = Chaos([sys.executable, *base, "s3://music/wild"], tmp_path, bucket.variables, random.Random(7))
    chaos.run(20, bucket)
    again = run_python(*base, "s3://music/wild", cwd=tmp_path, more=bucket.variables)
    assert again.returncode == 4, again.stderr + (tmp_path / "job.log").read_text()[-3000:]
    assert chaos.kills >= 20
    for name in ("quiet", "wild"):
        bucket.get(name, tmp_path / name)
    assert files(tmp_path / "wild") == files(tmp_path / "quiet")
    assert len(files(tmp_path / "wild")) == 30 * 4
    rows = ledger(tmp_path / "wild")
    assert rows.keys() == {path.name for path in music.iterdir()}
    assert rows["bad.wav"].state == "quarantined"
    assert {row.state for row in rows.values()} <= {"skipped", "done", "quarantined"}
    assert not (tmp_path / "wild" / RECORDS / "claims").exists()  # a bucket has no empty folders
    assert "Traceback" not in (tmp_path / "job.log").read_text()


def test_job_separates_from_bucket_to_bucket(bucket: Bucket, tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    music = tmp_path / "music"
    for number, name in enumerate(("a.wav", "歌/été 'b', c.flac")):
        (music / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(music / name, noise(number, 9000).T, 44100, "PCM_16")
    (music / "bad.wav").write_bytes(b"rubbish" * 100)
    (music / "notes.txt").write_text("no sound")
    bucket.put(music, "in")
    command = [*COMMAND, "--model", str(model)]
    by_bucket = [*command, "s3://music/in", "s3://music/out/stems"]

    dry = run_python(*by_bucket, "--dry-run", cwd=tmp_path, more=bucket.variables)
    assert dry.returncode == 0, dry.stderr
    assert sorted(dry.stdout.splitlines())[:3] == ["new: a.wav", "new: bad.wav", "new: 歌/été 'b', c.flac"]
    first = run_python(*by_bucket, cwd=tmp_path, more=bucket.variables)
    assert first.returncode == 4, first.stderr
    assert (
        "3 recordings = 2 done + 0 done before + 1 quarantined + 0 failed; stems in s3://music/out/stems"
        in first.stdout
    )
    assert "quarantined: bad.wav: " in first.stderr
    second = run_python(*by_bucket, cwd=tmp_path, more=bucket.variables)
    assert "3 recordings = 0 done + 2 done before + 1 quarantined" in second.stdout

    bucket.get("out/stems", tmp_path / "fetched")
    local = run_python(*command, str(music), str(tmp_path / "local"), cwd=tmp_path)
    assert local.returncode == 4, local.stderr
    assert stems(tmp_path / "fetched") == stems(tmp_path / "local")
    assert len(stems(tmp_path / "fetched")) == 6
    document = json.loads((tmp_path / "fetched" / "a.wav" / "provenance.json").read_text(encoding="utf-8"))
    assert (document["source"]["store"], document["source"]["key"]) == ("s3://music/in", "a.wav")
    assert ledger(tmp_path / "fetched").keys() == {"a.wav", "bad.wav", "歌/été 'b', c.flac"}

    single = run_python(*command, "s3://music/in/a.wav", "s3://music/one", cwd=tmp_path, more=bucket.variables)
    assert single.returncode == 0, single.stderr
    assert "1 recordings = 1 done" in single.stdout


def test_store_that_refuses_or_is_down_prints_one_line(bucket: Bucket, tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    soundfile.write(tmp_path / "a.wav", noise(0, 2000).T, 44100)
    bucket.put(tmp_path / "a.wav", "in/a.wav")

    def fails(source: str, destination: str, variables: dict[str, str], code: int = 2) -> str:
        result = run_python(
            *COMMAND, "--model", str(model), source, destination, cwd=tmp_path, more=bucket.variables | variables
        )
        assert result.returncode == code, result.stderr
        assert "Traceback" not in result.stderr
        [line] = [line for line in result.stderr.splitlines() if line.startswith("stemline: ")]
        return line

    wrong = {"AWS_SECRET_ACCESS_KEY": "a-guess"}
    assert "s3://music/in: access denied" in fails("s3://music/in", "out", wrong)
    assert "AWS_ACCESS_KEY_ID" in fails("s3://music/in", "out", {"AWS_ACCESS_KEY_ID": "nobody"})
    assert "access denied" in fails("a.wav", "s3://music/out", wrong)
    assert "check the bucket's name" in fails("s3://no-such-bucket/in", "out", {})
    bucket.stop()
    assert "is AWS_ENDPOINT_URL right, and the store up?" in fails("s3://music/in", "out", {}, ExitCode.OUTAGE)


def test_withdrawn_credentials_print_one_line_and_lose_nothing(bucket: Bucket, tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", network=LONG)
    music = _music(tmp_path / "in", 16, 12)
    bucket.put(music, "in")
    base = [*COMMAND, "--model", str(model), "--patience-seconds", "5", "s3://music/in"]
    quiet = run_python(*base, "s3://music/quiet", cwd=tmp_path, more=bucket.variables)
    assert quiet.returncode == 0, quiet.stderr

    owned = dict(bucket.variables)
    with (tmp_path / "log").open("w") as log:
        command, known = [sys.executable, *base, "s3://music/cut"], environment(**owned)
        job = subprocess.Popen(command, cwd=tmp_path, env=known, stdout=log, stderr=log)
    while not _workers(job.pid) and job.poll() is None:
        time.sleep(0.05)
    time.sleep(1.0)
    bucket.stop()
    bucket.secret = "another-secret"  # the store refuses the job's key from now on, as after its revocation
    bucket.start()
    assert job.wait(timeout=120) == 2, (tmp_path / "log").read_text()
    output = (tmp_path / "log").read_text()
    assert "access denied" in next(line for line in output.splitlines() if line.startswith("stemline: "))
    assert "Traceback" not in output

    again = run_python(*base, "s3://music/cut", cwd=tmp_path, more=bucket.variables)
    assert again.returncode == 0, again.stderr
    for name in ("quiet", "cut"):
        bucket.get(name, tmp_path / name)
    assert files(tmp_path / "cut") == files(tmp_path / "quiet")
    assert len(files(tmp_path / "cut")) == 16 * 4


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 12 MB; skips the test if this user may not mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", str(place)], check=False).returncode:
        pytest.skip("no disk can be mounted here, so none can be filled; a full one is raised in test_separate.py")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_full_disk_prints_one_line_and_the_next_job_continues(small_disk: Path, tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", network=LONG)
    music = _music(tmp_path / "in", 8, 8)
    command = [*COMMAND, "--model", str(model), str(music)]
    full = run_python(*command, str(small_disk), cwd=tmp_path)
    assert full.returncode == 2, full.stdout + full.stderr
    assert "is the disk full?" in full.stderr or "No space left on device" in full.stderr
    assert "Traceback" not in full.stderr
    for provenance in small_disk.glob("*/provenance.json"):
        assert {path.name for path in provenance.parent.iterdir()} >= {"vocals.wav", "accompaniment.wav"}
    subprocess.run(["mount", "-o", "remount,size=400m", str(small_disk)], check=True)
    again = run_python(*command, str(small_disk), cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    roomy = run_python(*command, str(tmp_path / "roomy"), cwd=tmp_path)
    assert roomy.returncode == 0, roomy.stderr
    assert files(small_disk) == files(tmp_path / "roomy")


def test_interrupted_job_prints_one_line_and_the_next_job_continues(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", network=LONG)
    music = _music(tmp_path / "music", 8, 20)
    command = [sys.executable, *COMMAND, "--model", str(model), str(music), "out"]
    job = subprocess.Popen(command, cwd=tmp_path, env=environment(), text=True, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "out").glob("*/provenance.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    job.send_signal(signal.SIGINT)
    _, error = job.communicate(timeout=60)
    assert job.returncode == 130
    assert "interrupted; start the same command again to go on" in error
    assert "Traceback" not in error
    result = run_python(*command[1:], cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert len(files(tmp_path / "out")) == 8 * 4
    assert not list((tmp_path / "out" / RECORDS).glob("staging/*"))


def test_killed_job_leaves_no_process(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", network=LONG)
    music = _music(tmp_path / "music", 8, 60)
    command = [sys.executable, *COMMAND, "--model", str(model), str(music), "out"]
    job = subprocess.Popen(command, cwd=tmp_path, env=environment())
    deadline = time.monotonic() + 120
    while not (workers := _workers(job.pid)) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(job.pid, signal.SIGKILL)
    job.wait()
    gone, alive = psutil.wait_procs(workers, timeout=20)
    assert workers
    assert not alive, gone


def test_recording_that_needs_too_much_memory_is_quarantined(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", network=LONG)
    _music(tmp_path / "music", 1, 60)
    limits = ("--attempts", "2", "--worker-gigabytes", "0.05")
    result = run_python(*COMMAND, *limits, "--model", str(model), "music", "out", cwd=tmp_path)
    assert result.returncode == 4, result.stderr
    assert ledger(tmp_path / "out")["00.flac"].reason == "its worker took more than 0.1 GB of memory, 2 times"


def test_stuck_worker_is_ended(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", network=LONG)
    music = _music(tmp_path / "music", 3, 60)
    limits = ("--attempts", "2", "--stuck-seconds", "5")
    command = [sys.executable, *COMMAND, *limits, "--model", str(model), "--workers", "1", str(music), "out"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(), text=True, stdout=subprocess.PIPE) as job:
        deadline = time.monotonic() + 120
        while not list((tmp_path / "out").glob("*/provenance.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
        for worker in _workers(job.pid):
            worker.suspend()
        out, _ = job.communicate(timeout=200)
    assert job.returncode == 0, out
    # if a worker is suspended between writing a recording and reporting it, the next worker finds it finished
    assert re.search(r"3 recordings = (3 done \+ 0|2 done \+ 1) done before \+ 0 quarantined \+ 0 failed", out), out
