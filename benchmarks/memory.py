"""The memory of a separation by the length of a recording or the size of a catalogue.

    python -m benchmarks.memory recording --minutes 4 60 600 [--model DIR] [--rate 44100] [--channels 2]
    python -m benchmarks.memory catalogue --recordings 1000 100000

`recording` separates a recording of noise of each length with the shipped model, or the one in DIR. It prints the
largest resident memory of the worker. `catalogue` makes a catalogue of N separated recordings and runs the job again.
It prints the largest memory of the job itself, which lists, plans and writes tables.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import soundfile

from components.core.models.addresses import SHIPPED


def main() -> None:
    """Print a row for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subject", choices=["recording", "catalogue"])
    parser.add_argument("--minutes", type=int, nargs="+", default=[4, 60])
    parser.add_argument("--recordings", type=int, nargs="+", default=[1000, 100_000])
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--rate", type=int, default=44100)
    parser.add_argument("--channels", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stemline-memory-") as folder:
        if arguments.subject == "recording":
            _print_recordings(arguments, Path(folder))
        else:
            _print_catalogues(arguments, Path(folder))


def _print_recordings(arguments: argparse.Namespace, folder: Path) -> None:
    print("| recording | worker, MB at most | job, MB at most | times real time |\n|---|---|---|---|", flush=True)
    for minutes in arguments.minutes:
        source = folder / f"{minutes}.flac"
        _write_noise(source, minutes, arguments.rate, arguments.channels)
        began = time.monotonic()
        options = ["--format", "flac", "--workers", "1"]
        job, worker = _measure_peaks([*options, str(source), str(folder / "out")], arguments.model)
        speed = 60 * minutes / (time.monotonic() - began)
        print(f"| {minutes} minutes | {worker:.0f} | {job:.0f} | {speed:.1f} |", flush=True)


def _write_noise(path: Path, minutes: int, rate: int, channels: int) -> None:
    random = np.random.default_rng(minutes)
    with soundfile.SoundFile(path, "w", rate, channels, "PCM_16") as file:
        for _ in range(minutes):
            file.write(random.normal(0, 0.1, (60 * rate, channels)).astype(np.float32))


def _print_catalogues(arguments: argparse.Namespace, folder: Path) -> None:
    print("| recordings | job, MB at most | seconds |\n|---|---|---|", flush=True)
    for count in arguments.recordings:
        source, out = folder / f"in{count}", folder / f"out{count}"
        _write_separated_catalogue(source, out, count, arguments.model)
        began = time.monotonic()
        job, _ = _measure_peaks([str(source), str(out)], arguments.model)
        print(f"| {count} | {job:.0f} | {time.monotonic() - began:.0f} |", flush=True)


def _write_separated_catalogue(source: Path, out: Path, count: int, model: Path) -> None:
    """Write recordings and their provenance, as after a job. Stems are left out, since no job reads them again."""
    source.mkdir()
    soundfile.write(source / "0.wav", np.random.default_rng(0).normal(0, 0.1, 4410), 44100)
    _measure_peaks([str(source), str(out)], model)
    document = json.loads((out / "0.wav" / "provenance.json").read_text(encoding="utf-8"))
    for number in range(1, count):
        recording = source / f"album {number // 10}" / f"{number}.wav"
        recording.parent.mkdir(exist_ok=True)
        recording.touch()
        state = recording.stat()
        key = recording.relative_to(source).as_posix()
        document["source"] |= {"key": key, "bytes": state.st_size, "stamp": str(state.st_mtime_ns)}
        done = out / key / "provenance.json"
        done.parent.mkdir(parents=True)
        done.write_text(json.dumps(document), encoding="utf-8")


def _measure_peaks(arguments: list[str], model: Path) -> tuple[float, float]:
    """Run a job; return the largest memory in MB of the job and of its largest child process."""
    command = [sys.executable, "-m", "components.separate", "--model", str(model), *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        memory = list(_watch_memory(process))
        if process.wait():
            sys.exit(process.stderr.read() if process.stderr else "the job failed")
    return max(job for job, _ in memory), max(worker for _, worker in memory)


def _watch_memory(process: "subprocess.Popen[str]") -> Iterator[tuple[float, float]]:
    while process.poll() is None:
        try:
            job = psutil.Process(process.pid)
            workers = [_megabytes(child) for child in job.children(recursive=True)]
            yield _megabytes(job), max(workers, default=0.0)
        except psutil.NoSuchProcess:
            return
        time.sleep(0.1)


def _megabytes(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


if __name__ == "__main__":
    main()
