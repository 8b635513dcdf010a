"""BSS Eval version 4 of images: the numbers of `museval.evaluate`, 11 to 18 times as fast.

Vincent, Gribonval and Févotte, IEEE TASLP 14(4), 2006; version 4: Stöter, Liutkus and Ito, LVA/ICA 2018. Filters of
TAPS samples, fitted to the whole track, project an estimate onto its own target (Pⱼ) and onto all targets (P). Energies
are summed frame by frame:

    SDR  ‖s‖² / ‖ŝ − s‖²        ISR  ‖s‖² / ‖Pⱼŝ − s‖²        SIR  ‖Pⱼŝ‖² / ‖Pŝ − Pⱼŝ‖²        SAR  ‖Pŝ‖² / ‖ŝ − Pŝ‖²

It is fast for three reasons: correlations are summed over blocks, and only for the lags that are needed; one Cholesky
factorisation of the block-Toeplitz matrix serves all estimates; energies are computed from spectra (Parseval), so that
no projection is transformed back. docs/decisions/0013-bss-eval.md compares it with museval.
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import scipy.fft
import scipy.linalg
import scipy.linalg.lapack
from numpy.typing import NDArray

from components.core.sound.decoding import Audio

TAPS = 512
"""Samples of a distortion filter."""

_BLOCK_FFT = 16384
_BLOCKS_AT_ONCE = 4
_FRAMES_AT_ONCE = 4  # their spectra fit into a processor's cache

Signals = NDArray[np.float64]
Spectra = NDArray[np.complex128]


class SingularError(Exception):
    """Some targets are copies of each other, so their interference is not determined."""


def evaluate(references: Audio, estimates: Audio, window: int, taps: int = TAPS) -> NDArray[np.float64]:
    """Return SDR, SIR, SAR and ISR in dB, `(targets, 4, frames)`, of `(targets, channels, samples)` signals.

    Frames of `window` samples do not overlap; samples after the last whole frame count for the filters only. A track
    shorter than a frame is one frame. A frame is NaN when a reference or an estimate is silent in it (its channels add
    up to zero). Raises SingularError when a reference is a copy of another.
    """
    targets, channels, samples = references.shape
    if any(np.array_equal(one, other) for one, other in combinations(references, 2)):
        raise SingularError
    window = min(window, samples)
    signals = np.stack([references, estimates])  # in single precision to save memory; converted a few frames at a time
    filters = _filters(signals.reshape(-1, samples), targets, channels, taps)
    size = scipy.fft.next_fast_len(window + taps - 1, real=True)
    to_own, to_all = (scipy.fft.rfft(filter_, size) for filter_ in filters)
    return np.concatenate([_score_frames(part, to_own, to_all, size) for part in _frames(signals, window)], axis=-1)


def _frames(signals: Audio, window: int) -> Iterator[Signals]:
    """Yield a few frames at a time, `(2, targets, channels, frames, window)`, in double precision."""
    count = signals.shape[-1] // window
    whole = signals[..., : count * window].reshape(*signals.shape[:-1], count, window)
    for first in range(0, count, _FRAMES_AT_ONCE):
        yield whole[..., first : first + _FRAMES_AT_ONCE, :].astype(np.float64)


def _filters(signals: Audio, targets: int, channels: int, taps: int) -> tuple[Signals, Signals]:
    """Return the filters from each target to its own estimate, and from all targets to each estimate.

    Their shapes are `(targets, from channels, to channels, taps)` and `(targets, from targets, from channels, to
    channels, taps)`. The first half of `signals`, `(2 · targets · channels, samples)`, are the references.
    """
    lags = _correlations(signals, taps)
    half = targets * channels
    gram = _toeplitz(lags[:, :half], taps)
    # estimates against delayed references: lags from zero on
    sides = lags[:, half:, taps - 1 :].transpose(0, 2, 1)  # (references, taps, estimates)
    sides = sides.reshape(half * taps, half)
    to_all = _solve(gram, sides).reshape(targets, channels, taps, targets, channels)
    to_own = np.empty((targets, channels, channels, taps))
    size = channels * taps
    for target in range(targets):
        rows = slice(target * size, (target + 1) * size)
        columns = slice(target * channels, (target + 1) * channels)
        solution = _solve(gram[rows, rows], sides[rows, columns])
        to_own[target] = solution.reshape(channels, taps, channels).transpose(0, 2, 1)
    return to_own, np.ascontiguousarray(to_all.transpose(3, 0, 1, 4, 2))


def _correlations(signals: Audio, taps: int) -> Signals:
    """Return Σ x[t] y[t + lag] of references x and all signals y, `(references, signals, 2 · taps − 1)`.

    The lags run from `1 − taps` to `taps − 1`. The sum is taken over blocks of x, each with the part of y around it.
    """
    count, samples = signals.shape
    block = _BLOCK_FFT - 2 * (taps - 1)
    blocks = -(-samples // block)
    padded = np.zeros((count, blocks * block + 2 * (taps - 1)), signals.dtype)
    padded[:, taps - 1 : taps - 1 + samples] = signals
    step = padded.strides[1]
    around = np.lib.stride_tricks.as_strided(
        padded, (count, blocks, _BLOCK_FFT), (padded.strides[0], block * step, step), writeable=False
    )
    total = np.zeros((count // 2, count, _BLOCK_FFT // 2 + 1), np.complex128)
    for first in range(0, blocks, _BLOCKS_AT_ONCE):
        wide = around[:, first : first + _BLOCKS_AT_ONCE].astype(np.float64)
        before = scipy.fft.rfft(wide[: count // 2, :, taps - 1 : taps - 1 + block], _BLOCK_FFT)
        np.conjugate(before, out=before)
        total += np.einsum("ibk,jbk->ijk", before, scipy.fft.rfft(wide, overwrite_x=True))
    # a block starts taps − 1 samples after the part around it, so lag 1 − taps comes first
    lags: Signals = scipy.fft.irfft(total, _BLOCK_FFT)[..., : 2 * taps - 1]
    return lags


def _toeplitz(lags: Signals, taps: int) -> Signals:
    """Return the inner products of delayed references: entry (i, a), (j, b) is their correlation at lag a − b."""
    count = lags.shape[0]
    first, second, last = lags.strides
    start = lags[..., taps - 1 :]
    blocks = np.lib.stride_tricks.as_strided(
        start, (count, taps, count, taps), (first, last, second, -last), writeable=False
    )
    return blocks.reshape(count * taps, count * taps)


def _solve(gram: Signals, sides: Signals) -> Signals:
    """Solve `gram @ x = sides`, with museval's tiny ridge.

    Where rounding has made the matrix indefinite, Cholesky fails and elimination solves, as in museval.
    """
    ridged = gram.copy()
    ridged.flat[:: len(gram) + 1] += np.finfo(np.float64).eps
    try:
        factor = scipy.linalg.cho_factor(ridged, lower=True, check_finite=False)
        solution: Signals = scipy.linalg.cho_solve(factor, sides, check_finite=False)
    except np.linalg.LinAlgError:
        try:
            solution = np.asarray(np.linalg.solve(ridged, sides), np.float64)
        except np.linalg.LinAlgError:
            return _solve_singular(ridged, sides)
    return solution


def _solve_singular(gram: Signals, sides: Signals) -> Signals:
    """Return one of the least-squares solutions of a singular system: dependent signals get filters of zeros.

    With two equal channels (a mono recording in a stereo file) either may be filtered; the projection is the same.
    Cholesky with pivoting finds the independent signals (Higham, Accuracy and Stability of Numerical Algorithms, 2002,
    section 10.3), after all signals are scaled to the same level.
    """
    level = 1 / np.sqrt(gram.diagonal())
    factor, order, rank, _ = scipy.linalg.lapack.dpstrf(gram * level * level[:, None], lower=1)
    independent = order[:rank] - 1
    scale = level[independent, None]
    solution = np.zeros_like(sides)
    lower = (factor[:rank, :rank], True)
    solution[independent] = scale * scipy.linalg.cho_solve(lower, scale * sides[independent], check_finite=False)
    return solution


def _score_frames(frames: Signals, to_own: Spectra, to_all: Spectra, size: int) -> Signals:
    """Return `(targets, 4, frames)` for a few frames, `(2, targets, channels, frames, window)`.

    `to_own` and `to_all` are the spectra of the filters, from FFTs of `size` samples.
    """
    references, estimates = frames
    reference_spectra, estimate_spectra = scipy.fft.rfft(frames, size)  # (targets, channels, frames, bins)
    scores = np.empty((len(references), 4, frames.shape[3]))
    for target, reference in enumerate(references):
        energy = np.square(reference).sum(axis=(0, 2))
        distortion = np.square(estimates[target] - reference).sum(axis=(0, 2))
        by_own = _filter_and_sum(reference_spectra[target], to_own[target])
        flat = reference_spectra.reshape(-1, *reference_spectra.shape[2:])
        by_all = _filter_and_sum(flat, to_all[target].reshape(len(flat), *to_own.shape[2:]))
        spatial = _energy(by_own - reference_spectra[target], size)
        interference, artefacts = _energy(by_all - by_own, size), _energy(estimate_spectra[target] - by_all, size)
        scores[target] = [
            _decibels(energy, distortion),
            _decibels(_energy(by_own, size), interference),
            _decibels(_energy(by_all, size), artefacts),
            _decibels(energy, spatial),
        ]
    silent = (frames.sum(axis=2) == 0).all(axis=-1).any(axis=(0, 1))
    scores[..., silent] = np.nan
    return scores


def _filter_and_sum(sources: Spectra, filters: Spectra) -> Spectra:
    """Filter sources `(from, frames, bins)` by `(from, to, bins)`; return their sums, `(to, frames, bins)`."""
    result = np.empty((filters.shape[1], *sources.shape[1:]), np.complex128)
    for output in range(len(result)):
        np.multiply(sources[0], filters[0, output], out=result[output])
        for source, filter_ in zip(sources[1:], filters[1:, output], strict=True):
            result[output] += source * filter_
    return result


def _energy(spectra: Spectra, size: int) -> Signals:
    """Return Σ x² over channels, `(frames,)`, of real signals with the one-sided spectra `(channels, frames, bins)`."""
    flat = spectra.view(np.float64)
    total = np.einsum("cfb,cfb->f", flat, flat)
    edges = np.square(np.abs(spectra[..., 0])).sum(axis=0)
    if size % 2 == 0:
        edges = edges + np.square(np.abs(spectra[..., -1])).sum(axis=0)
    energy: Signals = (2 * total - edges) / size
    return energy


def _decibels(signal: Signals, noise: Signals) -> Signals:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Signals = 10 * np.log10(signal / noise)
    return np.where(noise == 0, np.inf, ratio)
