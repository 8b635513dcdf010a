"""Jobs between buckets of a real object store, which refuses, stops and starts again."""

import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import soundfile

from components.core.base.exit_codes import ExitCode
from components.core.stores.selection import RECORDS
from tests.components.separate.destination_files import files, ledger, stems
from tests.components.separate.job_processes import COMMAND, LONG, worker_processes, write_music
from tests.support.bucket import Bucket
from tests.support.tiny_models import environment, noise, run_python, save_tiny_model

pytestmark = pytest.mark.system


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
        workers = worker_processes(process.pid)
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
    music = write_music(tmp_path / "in", 30, 12)
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
    music = write_music(tmp_path / "in", 16, 12)
    bucket.put(music, "in")
    base = [*COMMAND, "--model", str(model), "--patience-seconds", "5", "s3://music/in"]
    quiet = run_python(*base, "s3://music/quiet", cwd=tmp_path, more=bucket.variables)
    assert quiet.returncode == 0, quiet.stderr

    owned = dict(bucket.variables)
    with (tmp_path / "log").open("w") as log:
        command, known = [sys.executable, *base, "s3://music/cut"], environment(**owned)
        job = subprocess.Popen(command, cwd=tmp_path, env=known, stdout=log, stderr=log)
    while not worker_processes(job.pid) and job.poll() is None:
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
