"""The speed and precision of our BSS Eval v4 against museval's: `python -m benchmarks.bss_eval [--exact]`

Runs both in turns in one process with one thread and takes the best time of each. A separate process for each measures
its memory. Seconds are processor time. The signals are broadband noise with leakage, on which the two differ only by
rounding. `--exact` instead compares both with a computation in extended precision (80 bits). Its signals are real music
with an empty upper band, which hardly determines the filters.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import scipy.fft
import stempeg
from numpy.typing import NDArray

from components.core.sound import decoding, ffmpeg
from components.core.sound.decoding import Audio
from components.evaluate.scoring import bss_eval
from components.evaluate.scoring.track_scores import SCORERS

RATE = 44100
TARGETS = (2, 4)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exact", action="store_true", help="compare both with extended precision")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=int, nargs="+", default=[30, 240], help="lengths of the track")
    parser.add_argument("--memory-of", nargs=3, metavar=("SCORER", "TARGETS", "SECONDS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    _restart_with_one_thread()
    if arguments.memory_of:
        scorer, targets, seconds = arguments.memory_of
        SCORERS[scorer](*_make_noise(int(targets), int(seconds)), window=RATE)
        print(_peak_kilobytes())
    elif arguments.exact:
        _print_exact()
    else:
        _print_speed(arguments.rounds, arguments.seconds)


def _restart_with_one_thread() -> None:
    """Start the program again with one thread for BLAS, which reads the number when numpy is imported."""
    if any(os.environ.get(name) != "1" for name in _THREADS):
        os.environ.update(dict.fromkeys(_THREADS, "1"))
        os.execv(sys.executable, [sys.executable, "-m", "benchmarks.bss_eval", *sys.argv[1:]])


_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def _print_speed(rounds: int, lengths: Sequence[int]) -> None:
    print("| targets | seconds | museval, s | ours, s | ratio | largest difference, dB | museval, MB | ours, MB |")
    print("|---|---|---|---|---|---|---|---|")
    for seconds, targets in product(lengths, TARGETS):
        signals = _make_noise(targets, seconds)
        best = dict.fromkeys(SCORERS, float("inf"))
        scores: dict[str, NDArray[np.float64]] = {}
        for _ in range(rounds):
            for name in best:
                started = time.process_time()
                scores[name] = SCORERS[name](*signals, window=RATE)
                best[name] = min(best[name], time.process_time() - started)
        difference = np.abs(scores["fast"] - scores["museval"]).max()
        memory = [_measure_memory(name, targets, seconds) for name in ("museval", "fast")]
        speed = f"{best['museval']:.2f} | {best['fast']:.2f} | {best['museval'] / best['fast']:.1f}"
        row = f"| {targets} | {seconds} | {speed} | {difference:.1e} | {memory[0]:.0f} | {memory[1]:.0f} |"
        print(row, flush=True)


def _make_noise(targets: int, seconds: int) -> tuple[Audio, Audio]:
    random = np.random.default_rng(7)
    references = (0.1 * random.standard_normal((targets, 2, seconds * RATE))).astype(np.float32)
    noise = 0.01 * random.standard_normal(references.shape, dtype=np.float32)
    return references, references + np.float32(0.3) * references[::-1] + noise


def _measure_memory(scorer: str, targets: int, seconds: int) -> float:
    command = [sys.executable, "-m", "benchmarks.bss_eval", "--memory-of", scorer, str(targets), str(seconds)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 1024


def _peak_kilobytes() -> int:
    """Return the peak memory of this program; `getrusage` would include the program that started it by `exec`."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def _print_exact() -> None:
    ffmpeg.add_ffmpeg_to_path()
    references, estimates = _read_real_music()
    exact = _score_exactly(references, estimates)
    print("| scorer | SIR, largest error, dB | SAR | ISR |")
    print("|---|---|---|---|")
    for name, score in SCORERS.items():
        errors = np.abs(score(references, estimates, window=RATE) - exact).max(axis=(0, 2))
        print(f"| {name} | {errors[1]:.1e} | {errors[2]:.1e} | {errors[3]:.1e} |")


def _read_real_music() -> tuple[Audio, Audio]:
    """Return two targets of the excerpt that stempeg ships, and poor estimates; AAC removed everything above 16 kHz.

    They are not rounded to 16 bits as in `evaluate`, since rounding noise would fill the empty band.
    """
    path = Path(stempeg.example_stem_path())
    stems = [decoding.read_audio(path, stream)[0][:, : 5 * RATE] for stream in (4, 1, 2, 3)]
    references = np.stack([stems[0], sum(stems[1:], start=np.zeros_like(stems[0]))]).astype(np.float32)
    noise = np.random.default_rng(7).standard_normal(references.shape)
    return references, (references + 0.3 * references[::-1] + 1e-3 * noise).astype(np.float32)


def _score_exactly(references: Audio, estimates: Audio) -> NDArray[np.float64]:
    """Return the scores of `bss_eval.evaluate`, with correlations and filters in extended precision."""
    solve = bss_eval._solve
    correlations = bss_eval._correlations
    try:
        bss_eval._correlations = _correlate_exactly  # type: ignore[assignment]
        bss_eval._solve = _solve_exactly  # type: ignore[assignment]
        return bss_eval.evaluate(references, estimates, RATE)
    finally:
        bss_eval._solve, bss_eval._correlations = solve, correlations


def _correlate_exactly(signals: Audio, taps: int) -> NDArray[np.longdouble]:
    size = scipy.fft.next_fast_len(signals.shape[1] + taps, real=True)
    spectra = scipy.fft.rfft(signals.astype(np.longdouble), size)
    half = len(signals) // 2
    lags = np.empty((half, len(signals), 2 * taps - 1), np.longdouble)
    for first in range(half):
        for second in range(len(signals)):
            circle = scipy.fft.irfft(np.conj(spectra[first]) * spectra[second], size)
            lags[first, second] = np.concatenate([circle[-(taps - 1) :], circle[:taps]])
    return lags


def _solve_exactly(gram: NDArray[np.longdouble], sides: NDArray[np.longdouble]) -> NDArray[np.float64]:
    """Solve by Cholesky in extended precision, column by column, with the same ridge as `bss_eval`."""
    lower = gram.copy()
    size = len(lower)
    lower.flat[:: size + 1] += np.finfo(np.float64).eps
    for column in range(size):
        lower[column, column] = np.sqrt(lower[column, column])
        lower[column + 1 :, column] /= lower[column, column]
        below = lower[column + 1 :, column]
        lower[column + 1 :, column + 1 :] -= below[:, None] * below
    values = sides.copy()
    for row in range(size):
        values[row] = (values[row] - lower[row, :row] @ values[:row]) / lower[row, row]
    for row in reversed(range(size)):
        values[row] = (values[row] - lower[row + 1 :, row] @ values[row + 1 :]) / lower[row, row]
    return values.astype(np.float64)


if __name__ == "__main__":
    main()
