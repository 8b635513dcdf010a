"""The speed and precision of runtimes.

    python -m benchmarks.runtimes [--model FOLDER] [--music FOLDER] [--tracks N] [--log]

Runs the same weights in torch, compiled torch, ONNX Runtime and OpenVINO, in fp32, bf16 and int8 where the runtime
supports it. All run in turns on the same number of threads; the best of several rounds counts. A speed is seconds of
music per second: for one segment (transforms and network), and for whole songs in overlapping segments. For songs the
table also has the speed per second of processor time, which other programs disturb least; `against torch` compares
these. SDR is the median over 1 s frames against the true stems of real music. The table has its difference to torch in
fp32: the mean and the worst value over targets and tracks. `MB` is the size of the weights as the runtime stores them.

--music is a folder of stem.mp4 files (of MUSDB18); the default is the excerpt that stempeg ships. The files that are
not scored calibrate int8; without such files the table has no int8. --log writes the table, its numbers and the ONNX
files to a run in MLflow.
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

from benchmarks.engines.registry import RUNTIMES, prepare_separator
from benchmarks.engines.runtime import EngineOptions, PreparedSeparator
from components.core.base.errors import UserError
from components.core.base.parallel import available_cores
from components.core.base.step_command import run_step
from components.core.data.residual_targets import excluded_stem
from components.core.models.addresses import SHIPPED
from components.core.models.model_folder import Model, load_model
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
class Measurement:
    """The results of a runtime in a precision: SDR `(songs, targets)` in dB, and the fewest seconds so far."""

    runtime: str
    precision: str
    prepared: PreparedSeparator
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
    run_step(lambda: _run_benchmark(arguments))


def _run_benchmark(arguments: argparse.Namespace) -> None:
    torch.set_num_threads(arguments.threads)
    model = load_model(arguments.model)
    files = _list_stem_files(arguments.music)
    songs = [_read_song(path, model) for path in files[: arguments.tracks]]
    chosen = _choose_evenly(files[arguments.tracks :], CALIBRATION_SEGMENTS)
    calibration_songs = [_read_song(path, model) for path in chosen]
    with tempfile.TemporaryDirectory() as folder:
        options = EngineOptions(Path(folder), arguments.threads, _cut_segments(model.separator, calibration_songs))
        measurements, refused = _prepare_runtimes(model, songs, options)
        for _ in range(arguments.rounds):
            for measurement in measurements:
                _measure_speed(measurement, songs)
        rows = [_format_row(measurement, measurements[0], model, songs) for measurement in measurements]
        lines = [*HEAD, *rows, *refused]
        print(f"{len(songs)} songs, {arguments.threads} threads, torch {torch.__version__}, {hardware()}")
        print(f"int8 is calibrated on {len(calibration_songs)} other songs")
        print("\n".join(lines))
        if arguments.log:
            counts = {"songs": len(songs), "calibrated_on": len(calibration_songs)}
            _log_run(lines, measurements, model, counts, arguments, Path(folder))


def _prepare_runtimes(
    model: Model, songs: Sequence[Song], options: EngineOptions
) -> tuple[list[Measurement], list[str]]:
    """Return each runtime in each precision with its SDR, and a line for each that does not work on this machine."""
    measurements, refused = [], []
    for name, runtime in RUNTIMES.items():
        for precision in runtime.precisions:
            try:
                prepared = prepare_separator(model, name, precision, options)
                sdr = [_score_song(prepared.separator, song, model.rate) for song in songs]
            except (UserError, RuntimeError) as error:
                refused.append(f"| {runtime.title} | {precision} | {str(error).splitlines()[0]} | | | | | | |")
            else:
                measurements.append(Measurement(name, precision, prepared, np.array(sdr)))
    return measurements, refused


def _score_song(separator: Separator, song: Song, rate: int) -> list[float]:
    stems = separate_audio(separator, song.mixture)
    if not np.isfinite(stems).all():
        raise UserError("its stems have NaN or infinite samples")  # a median would ignore them
    return track_sdr(song.stems, stems, rate)


def _measure_speed(measurement: Measurement, songs: Sequence[Song]) -> None:
    separator = measurement.prepared.separator
    segment = _cut_segments(separator, songs[:1])[0]
    started = time.perf_counter()
    with torch.inference_mode():
        separator(segment)
    between, used = time.perf_counter(), time.process_time()
    for song in songs:
        separate_audio(separator, song.mixture)
    measurement.segment_seconds = min(measurement.segment_seconds, between - started)
    measurement.song_seconds = min(measurement.song_seconds, time.perf_counter() - between)
    measurement.song_core_seconds = min(measurement.song_core_seconds, time.process_time() - used)


def _format_row(measurement: Measurement, base: Measurement, model: Model, songs: Sequence[Song]) -> str:
    music = sum(song.mixture.shape[1] for song in songs) / model.rate
    segment = model.separator.segment / model.rate
    mean, worst = _sdr_change(measurement, base)
    cells = [
        RUNTIMES[measurement.runtime].title, measurement.precision, f"{segment / measurement.segment_seconds:.1f}",
        f"{music / measurement.song_seconds:.1f}", f"{music / measurement.song_core_seconds:.1f}",
        f"{base.song_core_seconds / measurement.song_core_seconds:.2f}", f"{mean:+.3f}",
        f"{worst:+.3f}", f"{measurement.prepared.size / 1e6:.1f}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _sdr_change(measurement: Measurement, base: Measurement) -> tuple[float, float]:
    """Return the mean and the largest change of the SDR against `base`, in dB."""
    change = (measurement.sdr - base.sdr).ravel()
    known = change[~np.isnan(change)]
    return float(known.mean()), float(known[np.abs(known).argmax()])


def _cut_segments(separator: Separator, songs: Sequence[Song]) -> list[Tensor]:
    """Return a few segments `(1, channels, segment)`, spread evenly over every song."""
    found = []
    for song in songs:
        padded = np.pad(song.mixture, ((0, 0), (0, max(0, separator.segment - song.mixture.shape[1]))))
        last = padded.shape[1] - separator.segment
        for start in np.linspace(0, last, -(-CALIBRATION_SEGMENTS // len(songs))).astype(int):
            found.append(torch.from_numpy(padded[None, :, start : start + separator.segment].copy()))
    return found


def _list_stem_files(folder: Path | None) -> list[Path]:
    if folder is None:
        return [Path(stempeg.example_stem_path())]
    found = sorted(folder.glob("*.stem.mp4"))
    if not found:
        raise UserError(f"{folder} has no stem.mp4 files: name a folder of MUSDB18")
    return found


def _choose_evenly(files: Sequence[Path], count: int) -> list[Path]:
    """Return at most `count` of the files, spread evenly over the list."""
    return [files[place] for place in np.linspace(0, len(files) - 1, min(count, len(files))).astype(int)]


def _read_song(path: Path, model: Model) -> Song:
    stems = {name: decoding.read_audio(path, stream)[0] for name, stream in STREAMS.items()}
    samples = min(stem.shape[1] for stem in stems.values())
    known = {name: stem[:, :samples] for name, stem in stems.items()}
    targets = np.stack([_read_target(target, known) for target in model.targets])
    return Song(targets.sum(axis=0), targets)


def _read_target(target: str, stems: Mapping[str, Audio]) -> Audio:
    """Return the stem of the target, or the sum of all other stems (`accompaniment`, `no-drums`)."""
    if target in stems:
        return stems[target]
    excluded = excluded_stem(target)
    if excluded not in stems:
        raise UserError(f"--model has the target '{target}', and MUSDB18 has no such stem: name another model")
    rest: Audio = np.sum([stem for name, stem in stems.items() if name != excluded], axis=0)
    return rest


def _package_version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def _log_run(
    lines: Sequence[str],
    measurements: Sequence[Measurement],
    model: Model,
    counts: Mapping[str, int],
    arguments: argparse.Namespace,
    folder: Path,
) -> None:
    """Log the table, its numbers, the networks, the model, the packages and the machine to a new MLflow run."""
    base = measurements[0]
    client = mlflow_runs.connect()
    run = client.create_run(mlflow_runs.experiment_id(client), run_name="runtimes").info.run_id
    ref = RunRef(run_id=run)
    made_by = {"stage": "runtimes", "git_commit": git_commit(), "machine": hardware()}
    mlflow_runs.set_tags(client, ref, made_by | {f"package.{name}": _package_version(name) for name in PACKAGES})
    measured = {"model": arguments.model, "model_digest": model.digest, "threads": arguments.threads}
    mlflow_runs.log_params(client, ref, measured | {"music": arguments.music or "stempeg's excerpt", **counts})
    for measurement in measurements:
        name, (mean, worst) = f"{measurement.runtime}-{measurement.precision}", _sdr_change(measurement, base)
        speed = base.song_core_seconds / measurement.song_core_seconds
        values = {"speed_against_torch": speed, "sdr_change": mean, "sdr_change_worst": worst}
        mlflow_runs.log_metrics(client, ref, {f"{name}/{key}": value for key, value in values.items()})
    client.log_text(run, "\n".join(lines) + "\n", "runtimes.md")
    for path in sorted(folder.rglob("network*.*")):
        client.log_artifact(run, str(path), "networks")
    client.set_terminated(run)


if __name__ == "__main__":
    main()
