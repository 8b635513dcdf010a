"""The effect of the overlap of segments on the SDR, and its cost.

    python -m benchmarks.overlap --model models/vocal-isolation --cache workspace/cache --split train

Joins the tracks of a dataset in a cache to songs of about 80 seconds, since excerpts are hardly longer than a segment,
and separates each song with every overlap. Prints for each overlap and target the median SDR over frames of 1 s, the
mean difference to the overlap 0.5 over these frames, and the seconds of music separated in a second by one core.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from components.core.data.cache_format import ShardReader
from components.core.models.model_folder import load_model
from components.core.networks.base.separator import Separator
from components.core.separating.fast import best_precision, for_inference
from components.core.separating.segments import separate_audio
from components.core.sound.decoding import Audio
from components.train.validation import frame_sdr

OVERLAPS = (0.5, 0.75, 0.25, 0.125, 0.0625)
_SONG_SECONDS = 80.0


def main() -> None:
    """Print a row for each overlap."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("models/vocal-isolation"))
    parser.add_argument("--cache", type=Path, default=Path("workspace/cache"))
    parser.add_argument("--split", default="validation")
    parser.add_argument("--dataset", default="musdb18-7s")
    parser.add_argument("--songs", type=int, default=4, help="most songs")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, reader = load_model(arguments.model), ShardReader(arguments.cache, arguments.split)
    separator = for_inference(model.separator, best_precision())
    songs = [song for song, _ in zip(_join_tracks(reader, arguments.dataset), range(arguments.songs), strict=False)]
    print(f"{len(songs)} songs of {_SONG_SECONDS:g} s; the model {model.digest[:12]}")
    names = " | ".join(f"{target} SDR | against 0.5" for target in reader.targets)
    print(f"| overlap | {names} | times real time |\n|---|{'---|---|' * len(reader.targets)}---|", flush=True)
    base: NDArray[np.float64] | None = None
    for overlap in OVERLAPS:
        started = time.process_time()
        frames = np.concatenate([_score(separator, stems, overlap, reader.rate) for stems in songs], axis=-1)
        speed = sum(stems.shape[-1] for stems in songs) / reader.rate / (time.process_time() - started)
        base = frames if base is None else base
        medians, differences = np.nanmedian(frames, axis=1), np.nanmean(frames - base, axis=1)
        cells = " | ".join(f"{sdr:.2f} | {gain:+.3f}" for sdr, gain in zip(medians, differences, strict=True))
        print(f"| {overlap:g} | {cells} | {speed:.1f} |", flush=True)


def _join_tracks(reader: ShardReader, dataset: str) -> Iterator[Audio]:
    """Yield the stems of songs, `(targets, channels, samples)`, each made of several tracks of `dataset`."""
    song: list[Audio] = []
    for track in reader.tracks:
        if track.dataset != dataset:
            continue
        song.append(np.stack([reader.read(track, target, 0, track.samples) for target in reader.targets]))
        if sum(stems.shape[-1] for stems in song) >= _SONG_SECONDS * reader.rate:
            yield np.concatenate(song, axis=-1)
            song = []


def _score(separator: Separator, stems: Audio, overlap: float, rate: int) -> NDArray[np.float64]:
    """Return the SDR of each target and frame, `(targets, frames)`, in dB."""
    estimates = separate_audio(separator, stems.sum(axis=0), overlap)
    return np.stack([frame_sdr(*pair, rate) for pair in zip(stems, estimates, strict=True)])


if __name__ == "__main__":
    main()
