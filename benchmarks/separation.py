"""The speed of separation: `python -m benchmarks.separation [--seconds 60] [--networks shipped,unet,spleeter]`

Measures everything in one run and in turns, and takes the best of several rounds, since other programs on the machine
can only slow a round down.

    plain     torch with its defaults: eager, fp32, a thread on each core, one segment after the other
    fast      the copies of `stemline separate`: `for_inference` in the best precision, a lane on each core
    others    architectures of other projects, plain, with the overlap of their authors

Networks have random weights, except for `shipped`. Prints multiples of real time, and FLOP/s. FLOPs are those of the
plain network's convolutions and products (without LSTMs), so operations that the fast copy saves count as speed. The
peak is the rate of products of large matrices on all cores in the same precision.
"""

import argparse
import platform
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.other_separators import OTHERS, MissingPackageError
from components.core.base.parallel import available_cores
from components.core.models.model_folder import load_model
from components.core.networks.architecture_registry import ARCHITECTURES, parse_network
from components.core.networks.base.separator import Separator
from components.core.networks.building import build_separator
from components.core.separating.fast import Precision, best_precision, for_inference
from components.core.separating.postprocessing_config import OVERLAP
from components.core.separating.segments import separate_blocks
from components.core.sound.decoding import Audio, describe_recording
from components.core.sound.resampling import resample_blocks
from components.core.sound.stft import Stft
from components.train.throughput import peak_flops

RATE = 44100
BLOCK = 1 << 16
SHIPPED = Path("models/vocal-isolation")
_TYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}


def main() -> None:
    """Print tables of file operations, of networks and their parts, and of other projects."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the recording")
    parser.add_argument("--networks", default="shipped,unet,spleeter", help=f"shipped, {', '.join(ARCHITECTURES)}")
    parser.add_argument("--overlap", type=float, default=OVERLAP)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-others", action="store_true", help="leave out the architectures of other projects")
    arguments = parser.parse_args()
    mixture = _make_music(arguments.seconds)
    print(
        f"{arguments.seconds:g} s of stereo, {available_cores()} cores, {platform.machine()}, torch {torch.__version__}"
    )
    _print_files(mixture, arguments.rounds)
    _print_networks(arguments.networks.split(","), mixture, arguments.overlap, arguments.rounds)
    if not arguments.no_others:
        _print_others(mixture, arguments.rounds)


def _make_music(seconds: float) -> Audio:
    """Return swelling tones over noise, the same every time, so that codecs have real work."""
    rng = np.random.default_rng(0)
    time_axis = np.arange(round(seconds * RATE)) / RATE
    music = rng.normal(0, 0.01, (2, time_axis.size))
    for pitch, pace in zip(110 * 2 ** (np.arange(24) / 4), rng.uniform(0.1, 2, 24), strict=True):
        music += 0.05 * np.sin(2 * np.pi * pitch * time_axis) * np.sin(2 * np.pi * pace * time_axis) ** 2
    return music.astype(np.float32)


def _cut_blocks(mixture: Audio) -> Iterator[Audio]:
    for start in range(0, mixture.shape[1], BLOCK):
        yield mixture[:, start : start + BLOCK]


def _consume(items: Iterable[Any]) -> None:
    for _ in items:
        pass


def _measure_seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


# reading, resampling and writing files


def _print_files(mixture: Audio, rounds: int) -> None:
    seconds = mixture.shape[1] / RATE
    print("\n| on one core | times real time |\n|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for part, work in _file_tasks(mixture, Path(folder)).items():
            print(f"| {part} | {seconds / min(_measure_seconds(work) for _ in range(rounds)):.0f} |", flush=True)


def _file_tasks(mixture: Audio, folder: Path) -> dict[str, Callable[[], None]]:
    parts: dict[str, Callable[[], None]] = {}
    for suffix in ("wav", "flac", "mp3"):
        song = folder / f"song.{suffix}"
        soundfile.write(song, mixture.T, RATE)
        parts[f"decode {suffix}"] = partial(_decode, song)
    parts["resample to 48 kHz"] = partial(_resample, mixture)
    for suffix in ("wav", "flac"):
        parts[f"encode a stem as {suffix}"] = partial(_encode, mixture, folder / f"stem.{suffix}")
    return parts


def _decode(path: Path) -> None:
    _consume(describe_recording(path).read_blocks(BLOCK))


def _resample(mixture: Audio) -> None:
    _consume(resample_blocks(_cut_blocks(mixture), RATE, 48000))


def _encode(mixture: Audio, path: Path) -> None:
    with soundfile.SoundFile(path, "w", RATE, mixture.shape[0], "PCM_16") as file:
        for block in _cut_blocks(mixture):
            file.write(block.T)


# networks and their parts


@dataclass
class _ModuleTimer:
    """The seconds that threads spend in a module, and the number of calls."""

    seconds: float = 0.0
    calls: int = 0
    _entered: threading.local = field(default_factory=threading.local)

    @contextmanager
    def time_calls(self, module: nn.Module) -> Iterator[None]:
        """Time the calls of `module` within the block."""
        hooks = (module.register_forward_pre_hook(self._enter), module.register_forward_hook(self._leave))
        yield
        for hook in hooks:
            hook.remove()

    def _enter(self, module: nn.Module, arguments: Any) -> None:
        self._entered.at = time.perf_counter()

    def _leave(self, module: nn.Module, arguments: Any, result: Any) -> None:
        self.seconds += time.perf_counter() - self._entered.at
        self.calls += 1


@dataclass(frozen=True)
class _Setup:
    """A separator with its precision, its number of lanes, and the torch threads of each lane."""

    name: str
    separator: Separator
    precision: Precision
    threads: int
    lanes: int

    def timed_modules(self) -> dict[str, nn.Module]:
        """Return the modules to time by the name of their column; a fast separator has another synthesis."""
        (stft,) = (module for module in self.separator.modules() if isinstance(module, Stft))
        own = dict(self.separator.named_children())
        return {
            "STFT": stft,
            "network": self.separator.network,
            "inverse STFT": own.get("inverse", stft._synthesis),
        }


@dataclass(frozen=True)
class _Run:
    """The seconds of a run, the seconds of each part, averaged over the lanes, and the number of segments."""

    seconds: float
    parts: dict[str, float]
    segments: int


def _measure(setup: _Setup, mixture: Audio, overlap: float) -> _Run:
    torch.set_num_threads(setup.threads)
    timers = {part: _ModuleTimer() for part in setup.timed_modules()}
    with ExitStack() as stack:
        for part, module in setup.timed_modules().items():
            stack.enter_context(timers[part].time_calls(module))
        seconds = _measure_seconds(partial(_separate, setup.separator, mixture, overlap, setup.lanes))
    parts = {part: timer.seconds / setup.lanes for part, timer in timers.items()}
    return _Run(seconds, parts, timers["network"].calls)


def _make_setups(separator: Separator) -> list[_Setup]:
    best = best_precision()
    fast = for_inference(separator, best)
    return [
        _Setup("plain", separator, "fp32", available_cores(), 1),
        _Setup("fast, one core", fast, best, 1, 1),
        _Setup(f"fast, {available_cores()} lanes", fast, best, 1, available_cores()),
    ]


def _print_networks(names: list[str], mixture: Audio, overlap: float, rounds: int) -> None:
    torch.set_num_threads(available_cores())
    peaks = {precision: peak_flops(torch.device("cpu"), _TYPES[precision]) for precision in _TYPES}
    shown = ", ".join(f"{peak / 1e9:.0f} GFLOP/s in {precision}" for precision, peak in peaks.items())
    print(f"\nOverlap {overlap:g}; the peak of {available_cores()} cores is {shown}.\n")
    print("| network | setup | times real time | against plain | STFT | network | inverse STFT | rest ", end="")
    print("| network: GFLOP/s | of peak | against plain |\n|---|---|---|---|---|---|---|---|---|---|---|")
    for name in names:
        separator = _load_separator(name)
        flops = _count_flops(separator)
        runs: dict[str, _Run] = {}
        setups = _make_setups(separator)
        for _ in range(rounds):
            for setup in setups:
                run = _measure(setup, mixture, overlap)
                runs[setup.name] = min(runs.get(setup.name, run), run, key=lambda run: run.seconds)
        for setup in setups:
            peak = peaks[setup.precision] * setup.threads * setup.lanes / available_cores()
            music = mixture.shape[1] / RATE
            print(_format_row(name, setup, runs[setup.name], runs["plain"], music, flops, peak), flush=True)


def _format_row(name: str, setup: _Setup, run: _Run, plain: _Run, music: float, flops: int, peak: float) -> str:
    rest = run.seconds - sum(run.parts.values())
    rate = flops * run.segments / run.parts["network"]
    parts = [f"{music / part:.0f}" for part in (*run.parts.values(), rest)]
    gains = [plain.seconds / run.seconds, plain.parts["network"] / run.parts["network"]]
    cells = [name, f"{setup.name}, {setup.precision}", f"{music / run.seconds:.1f}", f"{gains[0]:.2f}", *parts]
    return f"| {' | '.join([*cells, f'{rate / 1e9:.0f}', f'{rate / peak:.0%}', f'{gains[1]:.2f}'])} |"


def _load_separator(name: str) -> Separator:
    if name == "shipped":
        return load_model(SHIPPED).separator
    torch.manual_seed(0)
    return build_separator(parse_network({"name": name}), 2, 2).eval().requires_grad_(False)


def _count_flops(separator: Separator) -> int:
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        separator(torch.zeros(1, 2, separator.segment))
    return int(counter.get_total_flops())


# other projects


def _separate(separator: Separator, mixture: Audio, overlap: float, lanes: int = 1) -> None:
    _consume(separate_blocks(separator, _cut_blocks(mixture), overlap, lanes))


def _print_others(mixture: Audio, rounds: int) -> None:
    torch.set_num_threads(available_cores())
    print("\n| architecture of another project | overlap | GFLOP a segment | times real time |\n|---|---|---|---|")
    missing = []
    for name, other in OTHERS.items():
        try:
            separator = other.build()
        except MissingPackageError as reason:
            missing.append(f"{name} is left out: {reason}.")
            continue
        # one segment can take minutes, so two must do
        excerpt = mixture[:, : 2 * separator.segment]
        work = partial(_separate, separator, excerpt, other.overlap)
        seconds = min(_measure_seconds(work) for _ in range(rounds))
        speed = excerpt.shape[1] / RATE / seconds
        print(f"| {name} | {other.overlap:g} | {_count_flops(separator) / 1e9:.0f} | {speed:.1f} |", flush=True)
    if missing:
        print("\n" + "\n".join(missing))


if __name__ == "__main__":
    main()
