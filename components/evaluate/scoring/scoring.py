"""BSS Eval version 4 of one track: the numbers of `museval.eval_mus_track`, computed by museval or by us.

Vincent, Gribonval and Févotte, IEEE TASLP 14(4), 2006; version 4: Stöter, Liutkus and Ito, LVA/ICA 2018.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from components.core.base.errors import UserError
from components.core.data.metric_names import METRICS
from components.core.sound import ffmpeg
from components.core.sound.decoding import Audio
from components.evaluate.scoring import bss_eval

_MUSEVAL_ORDER = ("SDR", "ISR", "SIR", "SAR")
_TWO_STEMS = ("vocals", "accompaniment")


@dataclass(frozen=True)
class TrackScores:
    """Scores of one system on one track: `values` in dB, `(targets, metrics, frames)`, in the order of METRICS.

    A frame that is silent in any reference or estimate is NaN for every target; a perfect one is infinite. `reason`
    says why a track has no frames at all.
    """

    track: str
    system: str
    targets: tuple[str, ...]
    values: NDArray[np.float64]
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
    """Score `(targets, channels, samples)` estimates in frames of `window` samples that do not overlap.

    `scorer` is a name in SCORERS.

    Samples after the last whole frame are left out; a track shorter than a frame is one frame of its own length. The
    distortion filters (512 taps) are those of the whole track. What museval cannot score comes back without frames.
    """
    reason = _why_unscorable("true", targets, references) or _why_unscorable("estimated", targets, estimates)
    if reason:
        return _without_frames(track, system, targets, reason)
    try:
        by = partial(SCORERS[scorer], window=window)
        return TrackScores(track, system, targets, _score_scenarios(targets, references, estimates, by))
    except bss_eval.SingularError:
        return _without_frames(track, system, targets, "the true targets are copies of each other")


def scenarios(targets: tuple[str, ...]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return which targets are scored together, and which of their scores are kept, as museval does.

    Every target is scored among all; but vocals and accompaniment, where both are there, among these two only: the
    accompaniment is the sum of the others. Raises UserError for a single target, where SIR means nothing.
    """
    if len(targets) < 2:
        raise UserError(f"a model of one target ({', '.join(targets)}) cannot be scored: museval compares two or more")
    if not set(_TWO_STEMS) <= set(targets):
        return [(targets, targets)]
    single = tuple(target for target in targets if target != "accompaniment")
    kept = tuple(target for target in single if target != "vocals")
    return [(single, kept), (_TWO_STEMS, _TWO_STEMS)] if kept else [(_TWO_STEMS, _TWO_STEMS)]


def median_of_frames(values: NDArray[np.float64]) -> float:
    """Return the median over the frames that have a finite score, NaN where there are none."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else float("nan")


def _without_frames(track: str, system: str, targets: tuple[str, ...], reason: str) -> TrackScores:
    return TrackScores(track, system, targets, np.empty((len(targets), len(METRICS), 0)), reason)


def _score_scenarios(
    targets: tuple[str, ...], references: Audio, estimates: Audio, by: Callable[[Audio, Audio], NDArray[np.float64]]
) -> NDArray[np.float64]:
    values: dict[str, NDArray[np.float64]] = {}
    for members, reported in scenarios(targets):
        rows = [targets.index(member) for member in members]
        scores = by(references[rows], estimates[rows])
        values.update({name: scores[members.index(name)] for name in reported})
    return np.stack([values[target] for target in targets])


def _museval(references: Audio, estimates: Audio, window: int) -> NDArray[np.float64]:
    ffmpeg.put_on_path()  # museval imports musdb, which does not import without it
    import museval

    try:
        scores = museval.evaluate(_as_museval(references), _as_museval(estimates), win=window, hop=window, mode="v4")
    except (np.linalg.LinAlgError, AttributeError) as error:
        # museval 0.4.1 catches the first by a name that numpy 2.4 no longer has, and so raises the second
        if not any(isinstance(cause, np.linalg.LinAlgError) for cause in (error, error.__context__)):
            raise
        raise bss_eval.SingularError from None
    named = dict(zip(_MUSEVAL_ORDER, scores, strict=True))
    return np.stack([named[metric] for metric in METRICS], axis=1)


SCORERS: Mapping[str, Callable[..., NDArray[np.float64]]] = {"fast": bss_eval.evaluate, "museval": _museval}
"""Name, as `evaluate.scorer` has it, to `(references, estimates, window)` to `(targets, metrics, frames)`."""


def _as_museval(signals: Audio) -> NDArray[np.float64]:
    """`(targets, channels, samples)` float32 to `(targets, samples, channels)` float64."""
    return np.ascontiguousarray(signals.transpose(0, 2, 1), dtype=np.float64)


def _why_unscorable(kind: str, targets: tuple[str, ...], signals: Audio) -> str:
    """Say which signal museval would raise at (its rule of silence: the channels add up to zero) or turn into NaN."""
    for target, signal in zip(targets, signals, strict=True):
        if not signal.sum(axis=0).any():
            return f"the {kind} {target} is silent"
        if not np.isfinite(signal).all():
            return f"the {kind} {target} is not finite"
    return ""
