"""The speed and precision of runtimes.

    python -m benchmarks.runtimes [--model FOLDER] [--music FOLDER] [--tracks N] [--log]

Runs the same weights through torch, compiled torch, ONNX Runtime and OpenVINO, in fp32, bf16 and int8 where they have
it: side by side in one run, in turns, each on the same number of threads, the best of several rounds. Speeds are
seconds of music in a second: for one segment (transforms and network), and for whole songs cut into overlapping
segments, these also for a second of processor time, which other programs on the machine disturb least; `against torch`
compares that. SDR is the median over 1 s frames, against the true stems of real music; the table has its difference to
torch in fp32, as mean and worst over targets and tracks. `MB` is the size of the weights as the runtime stores them.

--music is a folder of stem.mp4 files (MUSDB18's); the default is the excerpt that stempeg ships. The ranges of 8 bits
come from other files of that folder than the scored ones; without such files 8 bits are left out. --log keeps the
table, its numbers and the ONNX files as a run in MLflow.
"""

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import stempeg
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.engines.registry import RUNTIMES, with_runtime
from benchmarks.engines.runtime import EngineOptions, Prepared
from components.core.base.errors import UserError
from components.core.base.parallel import available_cores
from components.core.base.step_command import run_step
from components.core.data.targets import excluded_stem
from components.core.models.addresses import SHIPPED
from components.core.models.bundle import Model, load_model
from components.core.networks.base.separator import Separator
from components.core.separating.segments import separate_audio
from components.core.sound import decoding
from components.core.sound.decoding import Audio
from components.core.tracking import mlflow_runs
from components.core.tracking.mlflow_runs import RunRef
from components.core.tracking.provenance import git_commit, hardware
from components.train.validation import track_sdr

PACKAGES = ("torch", "onnxruntime", "openvino", "nncf", "stemline")
STREAMS = {"drums": 1, "bass": 2, "other": 3, "vocals": 4}
CALIBRATION_SEGMENTS = 8
HEAD = [
    "| runtime | precision | segment, × real time | songs, × real time | a core-second | against torch | SDR, dB "
    "| worst, dB | MB |",
    "|---|---|---|---|---|---|---|---|---|",
]


@dataclass(frozen=True)
class Song:
    """A mixture `(channels, samples)` and its true targets `(targets, channels, samples)`."""

    mixture: Audio
    stems: Audio


@dataclass
class Way:
    """A runtime in a precision, and its measurements: SDR `(songs, targets)`, the fewest seconds so far."""

    runtime: str
    precision: str
    prepared: Prepared
    sdr: NDArray[np.float64]
    segment_seconds: float = float("inf")
    song_seconds: float = float("inf")
    song_core_seconds: float = float("inf")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--music", type=Path)
    parser.add_argument("--tracks", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=available_cores())
    parser.add_argument("--log", action="store_true")
    arguments = parser.parse_args()
    run_step(lambda: _work(arguments))


def _work(arguments: argparse.Namespace) -> None:
    torch.set_num_threads(arguments.threads)
    model = load_model(arguments.model)
    files = _files(arguments.music)
    songs = [_song(path, model) for path in files[: arguments.tracks]]
    others = [_song(path, model) for path in _spread(files[arguments.tracks :], CALIBRATION_SEGMENTS)]
    with tempfile.TemporaryDirectory() as folder:
        options = EngineOptions(Path(folder), arguments.threads, _segments(model.separator, others))
        ways, refused = _ways(model, songs, options)
        for _ in range(arguments.rounds):
            for way in ways:
                _time(way, songs)
        lines = [*HEAD, *(_line(way, ways[0], model, songs) for way in ways), *refused]
        print(f"{len(songs)} songs, {arguments.threads} threads, torch {torch.__version__}, {hardware()}")
        print(f"8 bits calibrated on {len(others)} other songs")
        print("\n".join(lines))
        if arguments.log:
            _log(lines, ways, model, {"songs": len(songs), "calibrated_on": len(others)}, arguments, Path(folder))


def _ways(model: Model, songs: Sequence[Song], options: EngineOptions) -> tuple[list[Way], list[str]]:
    """Return every runtime in every precision with its SDR, and a line for each that does not work on this machine."""
    ways, refused = [], []
    for name, runtime in RUNTIMES.items():
        for precision in runtime.precisions:
            try:
                prepared = with_runtime(model, name, precision, options)
                sdr = [_sdr(prepared.separator, song, model.rate) for song in songs]
            except (UserError, RuntimeError) as error:
                refused.append(f"| {runtime.title} | {precision} | {str(error).splitlines()[0]} | | | | | | |")
            else:
                ways.append(Way(name, precision, prepared, np.array(sdr)))
    return ways, refused


def _sdr(separator: Separator, song: Song, rate: int) -> list[float]:
    stems = separate_audio(separator, song.mixture)
    if not np.isfinite(stems).all():
        raise UserError("its stems have NaN or infinite samples")  # medians would ignore them
    return track_sdr(song.stems, stems, rate)


def _time(way: Way, songs: Sequence[Song]) -> None:
    separator = way.prepared.separator
    segment = _segments(separator, songs[:1])[0]
    started = time.perf_counter()
    with torch.inference_mode():
        separator(segment)
    between, used = time.perf_counter(), time.process_time()
    for song in songs:
        separate_audio(separator, song.mixture)
    way.segment_seconds = min(way.segment_seconds, between - started)
    way.song_seconds = min(way.song_seconds, time.perf_counter() - between)
    way.song_core_seconds = min(way.song_core_seconds, time.process_time() - used)


def _line(way: Way, base: Way, model: Model, songs: Sequence[Song]) -> str:
    music = sum(song.mixture.shape[1] for song in songs) / model.rate
    segment = model.separator.segment / model.rate
    mean, worst = _change(way, base)
    cells = [
        RUNTIMES[way.runtime].title, way.precision, f"{segment / way.segment_seconds:.1f}",
        f"{music / way.song_seconds:.1f}", f"{music / way.song_core_seconds:.1f}",
        f"{base.song_core_seconds / way.song_core_seconds:.2f}", f"{mean:+.3f}",
        f"{worst:+.3f}", f"{way.prepared.size / 1e6:.1f}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _change(way: Way, base: Way) -> tuple[float, float]:
    """Return the mean and the largest change of the SDR against `base`, in dB."""
    change = (way.sdr - base.sdr).ravel()
    known = change[~np.isnan(change)]
    return float(known.mean()), float(known[np.abs(known).argmax()])


def _segments(separator: Separator, songs: Sequence[Song]) -> list[Tensor]:
    """Return a few segments `(1, channels, segment)`, spread evenly over every song."""
    found = []
    for song in songs:
        padded = np.pad(song.mixture, ((0, 0), (0, max(0, separator.segment - song.mixture.shape[1]))))
        last = padded.shape[1] - separator.segment
        for start in np.linspace(0, last, -(-CALIBRATION_SEGMENTS // len(songs))).astype(int):
            found.append(torch.from_numpy(padded[None, :, start : start + separator.segment].copy()))
    return found


def _files(folder: Path | None) -> list[Path]:
    if folder is None:
        return [Path(stempeg.example_stem_path())]
    found = sorted(folder.glob("*.stem.mp4"))
    if not found:
        raise UserError(f"{folder} has no stem.mp4 files: name a folder of MUSDB18")
    return found


def _spread(files: Sequence[Path], count: int) -> list[Path]:
    """Return at most `count` of the files, spread evenly over the list."""
    return [files[place] for place in np.linspace(0, len(files) - 1, min(count, len(files))).astype(int)]


def _song(path: Path, model: Model) -> Song:
    stems = {name: decoding.read_audio(path, stream)[0] for name, stream in STREAMS.items()}
    samples = min(stem.shape[1] for stem in stems.values())
    known = {name: stem[:, :samples] for name, stem in stems.items()}
    targets = np.stack([_target(target, known) for target in model.targets])
    return Song(targets.sum(axis=0), targets)


def _target(target: str, stems: Mapping[str, Audio]) -> Audio:
    """Return a stem, or the sum of all but one (`accompaniment`, `no-drums`)."""
    if target in stems:
        return stems[target]
    left_out = excluded_stem(target)
    if left_out not in stems:
        raise UserError(f"--model has the target '{target}', for which MUSDB18 has no stem: take another model")
    rest: Audio = np.sum([stem for name, stem in stems.items() if name != left_out], axis=0)
    return rest


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def _log(
    lines: Sequence[str],
    ways: Sequence[Way],
    model: Model,
    counts: Mapping[str, int],
    arguments: argparse.Namespace,
    folder: Path,
) -> None:
    """Keep the table, its numbers and the networks as a run, with the model, the packages and the machine."""
    base = ways[0]
    client = mlflow_runs.connect()
    run = client.create_run(mlflow_runs.experiment_id(client), run_name="runtimes").info.run_id
    ref = RunRef(run_id=run)
    made_by = {"stage": "runtimes", "git_commit": git_commit(), "machine": hardware()}
    mlflow_runs.set_tags(client, ref, made_by | {f"package.{name}": _version(name) for name in PACKAGES})
    measured = {"model": arguments.model, "model_digest": model.digest, "threads": arguments.threads}
    mlflow_runs.log_params(client, ref, measured | {"music": arguments.music or "stempeg's excerpt", **counts})
    for way in ways:
        name, (mean, worst) = f"{way.runtime}-{way.precision}", _change(way, base)
        speed = base.song_core_seconds / way.song_core_seconds
        values = {"speed_against_torch": speed, "sdr_change": mean, "sdr_change_worst": worst}
        mlflow_runs.log_metrics(client, ref, {f"{name}/{key}": value for key, value in values.items()})
    client.log_text(run, "\n".join(lines) + "\n", "runtimes.md")
    for path in sorted(folder.rglob("network*.*")):
        client.log_artifact(run, str(path), "networks")
    client.set_terminated(run)


if __name__ == "__main__":
    main()
