"""BSS Eval version 4 of one track: the numbers of `museval.eval_mus_track`, computed by museval or by `bss_eval`.

Vincent, Gribonval and Févotte, IEEE TASLP 14(4), 2006; version 4: Stöter, Liutkus and Ito, LVA/ICA 2018.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from components.core.base.errors import UserError
from components.core.data.score_tables import METRICS
from components.core.data.scored_stems import scored_together
from components.core.sound import ffmpeg
from components.core.sound.decoding import Audio
from components.evaluate.scoring import bss_eval

_MUSEVAL_ORDER = ("SDR", "ISR", "SIR", "SAR")

Frames = NDArray[np.float64]
"""Scores in dB, `(targets, metrics, frames)`, with the metrics in the order of METRICS."""


@dataclass(frozen=True)
class TrackScores:
    """The scores of one system on one track.

    In `values` a frame is NaN for all targets when one reference or estimate is silent in it, and infinite when the
    estimate is perfect. `lost_sdr`, `(targets, frames)`, has the SDR by definition, ‖s‖² / ‖s − ŝ‖², of frames that are
    NaN for silent estimates alone, and NaN elsewhere. A track that cannot be scored has no frames, and `reason` says
    why; when an estimate is silent from beginning to end, it has lost frames all the same.
    """

    track: str
    system: str
    targets: tuple[str, ...]
    values: Frames
    lost_sdr: NDArray[np.float64]
    reason: str = ""


def score_track(
    track: str,
    system: str,
    targets: tuple[str, ...],
    references: Audio,
    estimates: Audio,
    window: int,
    scorer: str = "fast",
) -> TrackScores:
    """Score estimates `(targets, channels, samples)` in frames of `window` samples that do not overlap.

    `scorer` is a name in SCORERS. Samples after the last whole frame are ignored; a track shorter than a frame is one
    frame of its own length. The distortion filters (512 taps) are computed once for the whole track.
    """
    frames = max(1, references.shape[-1] // window)
    nothing = np.empty((len(targets), len(METRICS), 0))
    unscorable = partial(TrackScores, track, system, targets, nothing)
    if reason := _why_unscorable("true", targets, references):
        return unscorable(nothing[:, 0], reason)
    score_lost = partial(_score_lost_frames, targets, references, estimates, window=window)
    if reason := _why_unscorable("estimated", targets, estimates):
        lost = score_lost(np.full((len(targets), frames), np.nan)) if np.isfinite(estimates).all() else nothing[:, 0]
        return unscorable(lost, reason)
    try:
        values = _score_groups(targets, references, estimates, partial(SCORERS[scorer], window=window))
    except bss_eval.SingularError:
        return unscorable(nothing[:, 0], "the true targets are copies of each other")
    return TrackScores(track, system, targets, values, score_lost(values[:, METRICS.index("SDR")]))


def require_several_targets(targets: tuple[str, ...]) -> None:
    """Raise UserError for a single target: without another one SIR means nothing."""
    if len(targets) < 2:
        raise UserError(f"a model of one target ({', '.join(targets)}) cannot be scored: museval compares two or more")


def median_of_frames(values: NDArray[np.float64]) -> float:
    """Return the median over the frames that have a finite score, or NaN when there are none."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else float("nan")


def _score_groups(
    targets: tuple[str, ...], references: Audio, estimates: Audio, score: Callable[[Audio, Audio], Frames]
) -> Frames:
    """Score every target together with the stems of its group (`scored_together`)."""
    groups = {target: scored_together(target, targets) for target in targets}
    rows = {group: [targets.index(member) for member in group] for group in groups.values()}
    scores = {group: score(references[members], estimates[members]) for group, members in rows.items()}
    return np.stack([scores[group][group.index(target)] for target, group in groups.items()])


def _score_lost_frames(
    targets: tuple[str, ...], references: Audio, estimates: Audio, sdr: NDArray[np.float64], window: int
) -> NDArray[np.float64]:
    """Return the SDR by definition, `(targets, frames)`, where `sdr` is NaN though all references play; else NaN."""
    frames, window = sdr.shape[1], min(window, references.shape[-1])
    true, estimated = (_cut(signals, frames, window) for signals in (references, estimates))
    plays = (true.sum(axis=1) != 0).any(axis=-1)
    groups = [[targets.index(member) for member in scored_together(target, targets)] for target in targets]
    lost = np.isnan(sdr) & np.stack([plays[rows].all(axis=0) for rows in groups])
    scores = np.full(sdr.shape, np.nan)
    for target, frame in zip(*np.nonzero(lost), strict=True):
        signal = true[target, :, frame].astype(np.float64)
        distortion = np.square(signal - estimated[target, :, frame]).sum()
        scores[target, frame] = 10 * np.log10(np.square(signal).sum() / distortion) if distortion else np.inf
    return scores


def _cut(signals: Audio, frames: int, window: int) -> Audio:
    return signals[..., : frames * window].reshape(*signals.shape[:-1], frames, window)


def _score_by_museval(references: Audio, estimates: Audio, window: int) -> Frames:
    ffmpeg.add_ffmpeg_to_path()  # museval imports musdb, and musdb fails to import without ffmpeg
    import museval

    try:
        scores = museval.evaluate(_as_museval(references), _as_museval(estimates), win=window, hop=window, mode="v4")
    except (np.linalg.LinAlgError, AttributeError) as error:
        # museval 0.4.1 catches LinAlgError by a name that numpy 2.4 no longer has, and so raises AttributeError
        if not any(isinstance(cause, np.linalg.LinAlgError) for cause in (error, error.__context__)):
            raise
        raise bss_eval.SingularError from None
    by_metric = dict(zip(_MUSEVAL_ORDER, scores, strict=True))
    return np.stack([by_metric[metric] for metric in METRICS], axis=1)


SCORERS: Mapping[str, Callable[..., Frames]] = {"fast": bss_eval.evaluate, "museval": _score_by_museval}
"""Name, as in `evaluate.scorer`, to a function of `(references, estimates, window)`."""


def _as_museval(signals: Audio) -> NDArray[np.float64]:
    """Turn `(targets, channels, samples)` float32 into `(targets, samples, channels)` float64."""
    return np.ascontiguousarray(signals.transpose(0, 2, 1), dtype=np.float64)


def _why_unscorable(origin: str, targets: tuple[str, ...], signals: Audio) -> str:
    """Return which signal museval cannot score, or nothing. For museval channels that cancel each other are silence."""
    for target, signal in zip(targets, signals, strict=True):
        if not signal.sum(axis=0).any():
            return f"the {origin} {target} is silent"
        if not np.isfinite(signal).all():
            return f"the {origin} {target} is not finite"
    return ""
