"""The speed of a separation job, file to files: `python -m benchmarks.catalogue [--music FOLDER] [--recordings N]`

Compares two programs with the shipped model; the times include the start of each program:

    plain    a simple program: torch eager, fp32, a thread on each core; it loads one whole recording after the other
             and writes the stems as wav
    job      `stemline separate`: inspection, workers, bf16 if the processor has it, tags, pictures, provenance …

Without --music it makes N recordings of noise and tones of three minutes each. Prints multiples of real time.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
import torch

from components.core.base.parallel import available_cores
from components.core.models.addresses import SHIPPED
from components.core.models.model_folder import load_model
from components.core.separating.segments import separate_audio
from components.core.sound.audio_file_recognition import SUFFIXES
from components.core.sound.decoding import read_audio
from components.core.sound.resampling import convert_channels, resample

RATE = 44100


def main() -> None:
    """Print a row for each program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", type=Path, help="folder of recordings")
    parser.add_argument("--recordings", type=int, default=4)
    parser.add_argument("--plain", nargs=2, metavar=("MUSIC", "OUT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.plain:
        separate_plainly(*map(Path, arguments.plain))
        return
    with tempfile.TemporaryDirectory(prefix="stemline-catalogue-") as folder:
        music = arguments.music or _make_recordings(Path(folder) / "music", arguments.recordings)
        seconds = sum(_recording_seconds(path) for path in _list_recordings(music))
        print(
            f"{len(_list_recordings(music))} recordings, {seconds / 60:.1f} minutes, {available_cores()} cores",
            flush=True,
        )
        print("| program | seconds | times real time | against plain |\n|---|---|---|---|", flush=True)
        plain = _run_timed(["-m", "benchmarks.catalogue", "--plain", str(music), f"{folder}/plain"])
        print(f"| plain | {plain:.1f} | {seconds / plain:.1f} | 1.00 |", flush=True)
        job = _run_timed(["-m", "components.separate", "--model", str(SHIPPED), str(music), f"{folder}/job"])
        print(f"| job | {job:.1f} | {seconds / job:.1f} | {plain / job:.2f} |", flush=True)


def separate_plainly(music: Path, out: Path) -> None:
    """Separate every recording of a folder in the simplest possible program."""
    model = load_model(SHIPPED)
    torch.set_num_threads(available_cores())
    for path in _list_recordings(music):
        mixture, rate = read_audio(path)
        stems = separate_audio(model.separator, resample(convert_channels(mixture, model.channels), rate, model.rate))
        folder = out / path.name
        folder.mkdir(parents=True)
        for target, stem in zip(model.targets, stems, strict=True):
            soundfile.write(folder / f"{target}.wav", resample(stem, model.rate, rate).T, rate)


def _make_recordings(folder: Path, recordings: int) -> Path:
    folder.mkdir()
    for number in range(recordings):
        random = np.random.default_rng(number)
        tone = np.sin(np.arange(180 * RATE) * (0.02 + 0.005 * number))[:, np.newaxis]
        soundfile.write(folder / f"{number}.flac", 0.2 * tone + random.normal(0, 0.05, (180 * RATE, 2)), RATE)
    return folder


def _list_recordings(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def _recording_seconds(path: Path) -> float:
    samples, rate = read_audio(path)
    return float(samples.shape[1] / rate)


def _run_timed(command: list[str]) -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
