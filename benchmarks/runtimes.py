"""Does the engine matter? `python -m benchmarks.runtimes [--model FOLDER] [--music FOLDER] [--tracks N] [--log]`

The same weights through torch, torch compiled, ONNX Runtime and OpenVINO, in fp32, bf16 and int8 where they have it:
side by side in one run, on the same number of threads, the best of several rounds. SDR is the plain one of BSS Eval v4
(median over 1 s frames), against the true stems of real music; given is its difference to torch in fp32, mean and worst
over targets and tracks. --music is a folder of stem.mp4 files (MUSDB18's); without it the excerpt that stempeg ships is
taken. --log keeps the table and the ONNX files in MLflow.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import stempeg
import torch
from numpy.typing import NDArray

from components.core import audio, tracking
from components.core.audio import Audio
from components.core.bundle import Model, load_model
from components.core.errors import UserError
from components.core.inference import for_inference
from components.core.model_store import SHIPPED
from components.core.networks.separator import Separator
from components.core.networks.spectrogram import ComplexMaskSeparator, SpectrogramSeparator
from components.core.parallel import cores
from components.core.runtimes.engines import ENGINES, with_network
from components.core.runtimes.onnx_file import export_onnx, quantise
from components.core.segments import separate_all
from components.train.validation import track_sdr

STREAMS = {"drums": 1, "bass": 2, "other": 3, "vocals": 4}
CALIBRATION_SEGMENTS = 6


@dataclass(frozen=True)
class Song:
    """A mixture `(channels, samples)` and its true targets `(targets, channels, samples)`."""

    mixture: Audio
    stems: Audio


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--music", type=Path)
    parser.add_argument("--tracks", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--log", action="store_true")
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    songs = [_song(path, model) for path in _files(arguments.music)[: arguments.tracks]]
    lines = [
        f"{len(songs)} songs, {cores()} threads, torch {torch.__version__}",
        "| engine | precision | times real time | against torch fp32 | SDR difference, dB | worst |",
        "|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        lines += _rows(model, songs, Path(folder), arguments.rounds)
        if arguments.log:
            _log(lines, Path(folder))


def _rows(model: Model, songs: list[Song], folder: Path, rounds: int) -> list[str]:
    rows = []
    base_sdr: NDArray[np.float64] | None = None
    base_speed = 0.0
    for (engine, precision), make in _ways(model, songs, folder).items():
        try:
            separator = make()
        except (UserError, RuntimeError) as error:
            rows.append(f"| {engine} | {precision} | {str(error).splitlines()[0]} | | | |")
        else:
            sdr, speed = _measured(separator, songs, model.rate, rounds)
            if base_sdr is None:
                base_sdr, base_speed = sdr, speed
            change = sdr - base_sdr
            worst = change.flat[np.nanargmax(np.abs(change))]
            numbers = f"{speed:.1f} | {speed / base_speed:.2f} | {np.nanmean(change):+.3f} | {worst:+.3f}"
            rows.append(f"| {engine} | {precision} | {numbers} |")
        print(rows[-1], flush=True)
    return rows


def _ways(model: Model, songs: list[Song], folder: Path) -> dict[tuple[str, str], Callable[[], Separator]]:
    """Return what makes the separator for every engine and precision; the first is what all are compared with."""
    whole, small = folder / "fp32.onnx", folder / "int8.onnx"
    export_onnx(model.separator, model.channels, whole)
    quantise(whole, _calibration(model.separator, songs), small)
    ways: dict[tuple[str, str], Callable[[], Separator]] = {
        ("torch", "fp32"): lambda: model.separator,
        ("torch, made ready (what `separate` uses)", "fp32"): lambda: for_inference(model.separator, "fp32"),
        ("torch, made ready (what `separate` uses)", "bf16"): lambda: for_inference(model.separator, "bf16"),
        ("torch, compiled", "fp32"): lambda: _compiled(model),
    }
    for name, engine in ENGINES.items():
        for precision in ("fp32", "bf16") if name == "OpenVINO" else ("fp32",):
            ways[name, precision] = lambda engine=engine, precision=precision: with_network(  # type: ignore[misc]
                model.separator, engine(whole, cores(), precision)
            )
        ways[name, "int8"] = lambda engine=engine: with_network(  # type: ignore[misc]
            model.separator, engine(small, cores(), "fp32")
        )
    return ways


def _compiled(model: Model) -> Separator:
    separator = deepcopy(model.separator)
    separator.network.compile()
    return separator


def _calibration(separator: Separator, songs: list[Song]) -> Iterator[torch.Tensor]:
    """Yield what the network sees of a few segments of the songs."""
    for song in songs * CALIBRATION_SEGMENTS:
        mixture = torch.from_numpy(song.mixture[None, :, : separator.segment])
        mixture = torch.nn.functional.pad(mixture, (0, separator.segment - mixture.shape[-1]))
        if not isinstance(separator, SpectrogramSeparator):
            yield mixture
            continue
        seen = separator.stft(mixture)[..., : separator.bins, :]
        yield torch.view_as_real(seen).contiguous() if isinstance(separator, ComplexMaskSeparator) else seen.abs()


def _measured(separator: Separator, songs: list[Song], rate: int, rounds: int) -> tuple[NDArray[np.float64], float]:
    """Return SDR `(songs, targets)`, and seconds of music a second."""
    torch.set_num_threads(cores())
    separator = separator.eval()
    rows = [track_sdr(song.stems, separate_all(separator, song.mixture), rate) for song in songs]
    best = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        for song in songs:
            separate_all(separator, song.mixture)
        best = min(best, time.perf_counter() - started)
    return np.array(rows), sum(song.mixture.shape[1] for song in songs) / rate / best


def _files(folder: Path | None) -> list[Path]:
    return sorted(folder.glob("*.stem.mp4")) if folder else [Path(stempeg.example_stem_path())]


def _song(path: Path, model: Model) -> Song:
    stems = {name: audio.read(path, stream)[0] for name, stream in STREAMS.items()}
    samples = min(stem.shape[1] for stem in stems.values())
    known = {name: stem[:, :samples] for name, stem in stems.items()}
    known["accompaniment"] = known["drums"] + known["bass"] + known["other"]
    targets = np.stack([known[target] for target in model.targets])
    return Song(targets.sum(axis=0), targets)


def _log(lines: list[str], folder: Path) -> None:
    client = tracking.connect()
    created = client.create_run(tracking.experiment_id(client), run_name="runtimes")
    client.log_text(created.info.run_id, "\n".join(lines) + "\n", "runtimes.md")
    for path in sorted(folder.glob("*.onnx")):
        client.log_artifact(created.info.run_id, str(path), "onnx")
    client.set_tag(created.info.run_id, "stage", "runtimes")
    client.set_terminated(created.info.run_id)


if __name__ == "__main__":
    main()
