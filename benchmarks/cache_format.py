"""The speed and size of possible formats of the cache: `MUSDB_PATH=… python -m benchmarks.cache_format`

Five methods to give a training step the complex spectrograms of random crops of two stems (vocals, accompaniment),
measured in one process, on the same tracks, from the page cache:

    musdb            the musdb package, stem by stem, from stem.mp4
    soundfile        a WAV file for each stem
    spectrograms     shards of complex spectrograms in half precision, memory-mapped
    waveforms        shards of int16 waveforms, memory-mapped, and the STFT in the step (the format of `cache`)
    waveforms read   the same without the STFT, which a GPU computes in parallel with the network

Without MUSDB_PATH the excerpt that stempeg ships is the only track.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import musdb
import numpy as np
import soundfile
import stempeg
import torch
from numpy.typing import NDArray
from torch import Tensor

from components.cache.cache import ShardWriter
from components.cache.config import CacheConfig
from components.core.data.cache_format import (
    FULL_SCALE,
    CachedTrack,
    CacheSettings,
    Part,
    ShardReader,
    write_index,
    write_parts,
)
from components.core.sound.ffmpeg import add_ffmpeg_to_path
from components.core.sound.stft import Stft
from components.core.sound.stft_config import StftConfig

RATE = 44100
TARGETS = ("vocals", "accompaniment")
CropReader = Callable[[np.random.Generator], Tensor]


def main() -> None:
    """Print crops a second and bytes for each second of audio, a row for each method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=12)
    parser.add_argument("--crop-seconds", type=float, default=3.0)
    parser.add_argument("--seconds", type=float, default=8.0, help="seconds to measure each method")
    arguments = parser.parse_args()
    add_ffmpeg_to_path()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        crop = round(arguments.crop_seconds * RATE)
        tracks = _load_tracks(Path(folder), arguments.tracks)
        readers = _make_readers(tracks, Path(folder), crop)
        print(f"{len(tracks)} tracks, crops of {arguments.crop_seconds:g} s, one thread")
        print(f"{'':14} crops/s   against musdb   bytes per second of audio")
        base = 0.0
        for name, (read, size) in readers.items():
            rate = _measure_crop_rate(read, arguments.seconds)
            base = base or rate
            print(f"{name:14} {rate:7.1f} {rate / base:13.0f} x {size / 1000:18,.0f} kB", flush=True)


def _load_tracks(folder: Path, count: int) -> list[musdb.MultiTrack]:
    root = os.environ.get("MUSDB_PATH")
    if not root:
        (folder / "musdb" / "train").mkdir(parents=True)
        shutil.copy(stempeg.example_stem_path(), folder / "musdb" / "train")
        root = str(folder / "musdb")
    return list(musdb.DB(root=root, subsets=["train"]))[:count]


def _make_readers(tracks: list[musdb.MultiTrack], folder: Path, crop: int) -> dict[str, tuple[CropReader, float]]:
    """Return for each method a function that reads a crop, and the bytes on disk for a second of audio."""
    stft = Stft(StftConfig())
    stems = [np.stack([track.targets[target].audio.T for target in TARGETS]).astype(np.float32) for track in tracks]
    duration = sum(stem.shape[-1] for stem in stems) / RATE
    functions = {
        "musdb": _read_with_musdb(tracks, stft, crop),
        "soundfile": _read_with_soundfile(stems, folder / "wav", stft, crop),
        "spectrograms": _read_spectrograms(stems, folder / "spectrograms", stft, crop),
        "waveforms": _read_waveforms(stems, folder / "waveforms", stft, crop),
        "waveforms read": _read_waveforms(stems, folder / "waveforms", torch.nn.Identity(), crop),
    }
    sizes = {name: _folder_size(folder / path) for name, path in _FOLDERS.items()}
    sizes["musdb"] = float(sum(Path(track.path).stat().st_size for track in tracks))
    return {name: (read, sizes[name] / duration) for name, read in functions.items()}


_FOLDERS = {
    "soundfile": "wav",
    "spectrograms": "spectrograms",
    "waveforms": "waveforms/shards",
    "waveforms read": "waveforms/shards",
}


def _read_with_musdb(tracks: list[musdb.MultiTrack], stft: Stft, crop: int) -> CropReader:
    def read(random: np.random.Generator) -> Tensor:
        track = tracks[random.integers(len(tracks))]
        track.chunk_duration = crop / RATE
        track.chunk_start = random.uniform(0, max(track.duration - crop / RATE, 0))
        stems = np.stack([track.targets[target].audio.T for target in TARGETS]).astype(np.float32)
        return _transform(stft, stems)

    return read


def _read_with_soundfile(stems: list[NDArray[np.float32]], folder: Path, stft: Stft, crop: int) -> CropReader:
    folder.mkdir()
    for number, stem in enumerate(stems):
        for target, audio in zip(TARGETS, stem, strict=True):
            soundfile.write(folder / f"{number}-{target}.wav", audio.T, RATE, "PCM_16")

    def read(random: np.random.Generator) -> Tensor:
        number = random.integers(len(stems))
        start = int(random.integers(0, max(stems[number].shape[-1] - crop, 0) + 1))
        parts = [
            soundfile.read(folder / f"{number}-{target}.wav", crop, start, dtype="float32", always_2d=True)[0].T
            for target in TARGETS
        ]
        return _transform(stft, np.stack(parts))

    return read


def _read_spectrograms(stems: list[NDArray[np.float32]], folder: Path, stft: Stft, crop: int) -> CropReader:
    folder.mkdir()
    frames = -(-crop // stft.hop) + 1
    shards = []
    for number, stem in enumerate(stems):
        # frames first, so that a crop is one contiguous piece of a stem's channel
        halves = torch.view_as_real(stft(torch.from_numpy(stem))).transpose(2, 3).to(torch.float16).numpy()
        np.save(folder / f"{number}.npy", halves)
        shards.append(np.load(folder / f"{number}.npy", mmap_mode="r"))

    def read(random: np.random.Generator) -> Tensor:
        shard = shards[random.integers(len(shards))]
        start = int(random.integers(0, max(shard.shape[2] - frames, 0) + 1))
        halves = torch.from_numpy(np.array(shard[:, :, start : start + frames]))
        spectra: Tensor = torch.view_as_complex(halves.float()).transpose(2, 3)
        return spectra

    return read


def _read_waveforms(stems: list[NDArray[np.float32]], folder: Path, stft: torch.nn.Module, crop: int) -> CropReader:
    config = CacheConfig(targets=TARGETS, rate=RATE, channels=2, shard_minutes=60)
    rows: list[Mapping[str, Any]] = []
    parts = write_parts(Part(target, target) for target in TARGETS)
    with ShardWriter(config, folder) as writer:
        for number, stem in enumerate(stems):
            scale = float(np.abs(stem).max()) / FULL_SCALE
            shard, offset = writer.append(np.rint(stem / scale).astype(np.int16))
            place = {"shard": shard, "offset": offset, "samples": stem.shape[-1], "scale": scale, "parts": parts}
            rows.append(
                {"track": str(number), "dataset": "", "artist": "", "split": "train", "bandwidth": RATE / 2, **place}
            )
    write_index(folder, rows)
    CacheSettings(targets=TARGETS, rate=RATE, channels=2).write(folder)
    reader = ShardReader(folder, "train")

    def read(random: np.random.Generator) -> Tensor:
        track: CachedTrack = reader.tracks[random.integers(len(reader.tracks))]
        start = int(random.integers(0, max(track.samples - crop, 0) + 1))
        parts = [reader.read(track, target, start, crop) for target in TARGETS]
        return _transform(stft, np.stack(parts))

    return read


def _transform(stft: torch.nn.Module, stems: NDArray[np.float32]) -> Tensor:
    spectra: Tensor = stft(torch.from_numpy(stems))
    return spectra


def _measure_crop_rate(read: CropReader, seconds: float) -> float:
    random = np.random.default_rng(0)
    read(random)
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        read(random)
        count += 1
    return count / (time.perf_counter() - started)


def _folder_size(folder: Path) -> float:
    return float(sum(path.stat().st_size for path in folder.iterdir()))


if __name__ == "__main__":
    main()
