"""The rules about scores: each returns findings, and a version passes when every finding is good.

A rule fails if it can't be checked: a missing threshold, too few tracks or another test set refuse the version.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from components.core.data.bootstrap import Values, mean_lower_bound
from components.core.data.score_tables import MIXTURE, MODEL
from components.core.release.verdict import Finding
from components.gate.config import GateConfig
from components.gate.scores import Scores, paired_differences, tracks_without_score


def judge_first_champion(config: GateConfig, challenger: Scores) -> list[Finding]:
    """Without a champion: the model must be better than the mixture by a minimum, in every target."""
    not_separated = [target for target in config.minimum_gain_db if target not in challenger.targets]
    return [
        *(_judge_gain(config, challenger, target) for target in challenger.targets),
        *(_bad(target, "the model does not separate it, and a minimum is stated") for target in not_separated),
    ]


def judge_against_champion(config: GateConfig, challenger: Scores, champion: Scores) -> list[Finding]:
    """The challenger must not be worse than the champion in any target, and be better if `gate.rule` says so."""
    if challenger.test_digest != champion.test_digest:
        return [Finding("test set", False, "the live model and the challenger were scored on different test tracks")]
    if challenger.scorer != champion.scorer:
        text = f"the challenger was scored by {challenger.scorer}, the live model by {champion.scorer}"
        return [Finding("scorer", False, text)]
    given_up = [target for target in champion.targets if target not in challenger.targets]
    findings = [
        *(_judge_not_worse(config, challenger, champion, target) for target in challenger.targets),
        *(_bad(target, "the live model separates it, and the challenger does not") for target in given_up),
    ]
    if config.rule == "better":
        findings.append(_judge_better(config, challenger, champion))
    return findings


def lower_bound(differences: Values, config: GateConfig, confidence: float | None = None) -> float:
    """Return the lower bound of the mean difference, in dB, at `gate.confidence` or the given confidence."""
    return mean_lower_bound(differences, confidence or config.confidence, config.resamples, config.seed)


def differences_by_target(challenger: Scores, champion: Scores) -> dict[str, Values]:
    """Return challenger minus champion, in dB, of the tracks and targets that both have."""
    common = [target for target in challenger.targets if target in champion.targets]
    return {target: _values(challenger.sdr[MODEL], champion.sdr[MODEL], target) for target in common}


def gains_by_target(scores: Scores) -> dict[str, Values]:
    """Return model minus mixture, in dB, by target; empty when the mixture was not scored."""
    if MIXTURE not in scores.sdr:
        return {}
    return {target: _values(scores.sdr[MODEL], scores.sdr[MIXTURE], target) for target in scores.targets}


def _values(first: pd.DataFrame, second: pd.DataFrame, target: str) -> Values:
    return np.asarray(paired_differences(first, second, target), dtype=np.float64)


def _judge_gain(config: GateConfig, scores: Scores, target: str) -> Finding:
    if target not in config.minimum_gain_db:
        return _bad(target, "gate.minimum_gain_db in params.yaml states no minimum for it")
    if MIXTURE not in scores.sdr:
        return _bad(target, "the mixture was not scored (evaluate.systems in params.yaml)")
    gains = gains_by_target(scores)[target]
    if not len(gains):
        return _bad(target, "no track has a score")
    if missing := tracks_without_score(scores.sdr[MODEL], scores.sdr[MIXTURE], target):
        return _bad(target, _cannot_be_scored(missing))
    gain, minimum = float(np.median(gains)), config.minimum_gain_db[target]
    text = f"{target}: {gain:+.2f} dB SDR over the mixture (median of {len(gains)} tracks); at least {minimum:+.2f} dB"
    text += _mention_lost_frames({"the model": scores}, target)
    return Finding(target, gain >= minimum, text)


def _judge_not_worse(config: GateConfig, challenger: Scores, champion: Scores, target: str) -> Finding:
    if target not in champion.targets:
        why = "the live model does not separate it, so nothing can be compared"
        return _bad(target, f"{why}: give a model with other stems a name of its own (register.name)")
    if missing := tracks_without_score(challenger.sdr[MODEL], champion.sdr[MODEL], target):
        return _bad(target, _cannot_be_scored(missing))
    differences = differences_by_target(challenger, champion)[target]
    if len(differences) < config.minimum_tracks:
        why = f"{len(differences)} tracks in common, and {config.minimum_tracks} are needed to compare"
        return _bad(target, why)
    bound, mean = lower_bound(differences, config), float(differences.mean())
    text = (
        f"{target}: {mean:+.2f} dB SDR against the live model (mean of {len(differences)} tracks), allowed "
        f"{-config.stem_limit_db:+.2f} dB; lower bound at {config.confidence:.0%} confidence {bound:+.2f} dB, allowed "
        f"{-config.margin_db:+.2f} dB"
    )
    text += _mention_lost_frames({"the challenger": challenger, "the live model": champion}, target)
    return Finding(target, bound >= -config.margin_db and mean >= -config.stem_limit_db, text)


def _judge_better(config: GateConfig, challenger: Scores, champion: Scores) -> Finding:
    """The challenger must be better in every target of `better_in`, or in any one target when this is empty.

    With several targets to choose from, each is held to a stricter confidence (Bonferroni).
    """
    differences = differences_by_target(challenger, champion)
    targets = config.better_in or tuple(differences)
    chances = 1 if config.better_in else max(1, len(targets))
    confidence = 1 - (1 - config.confidence) / chances
    bounds = {
        target: lower_bound(differences[target], config, confidence)
        for target in targets
        if target in differences and len(differences[target]) >= config.minimum_tracks
    }
    better = [bounds.get(target, -np.inf) > 0 for target in targets]
    good = bool(targets) and (all(better) if config.better_in else any(better))
    which = " and ".join(config.better_in) or "any one target"
    shown = [f"{target} {bounds[target]:+.2f} dB" if target in bounds else f"{target} unknown" for target in targets]
    text = f"better in {which}, at {confidence:.1%} confidence: at least {', '.join(shown) or 'nothing'}"
    return Finding("better", good, f"{text}; must be above +0.00 dB")


def _mention_lost_frames(models: Mapping[str, Scores], target: str) -> str:
    """Return how many frames of each model count against it because only an estimate is silent in them."""
    lost = {name: scores.lost_frames.get(target, 0) for name, scores in models.items()}
    counts = " and ".join(f"{count} of {name}" for name, count in lost.items() if count)
    if not counts:
        return ""
    return f"; frames in which an estimate alone is silent, which count by definition: {counts}"


def _cannot_be_scored(tracks: list[str]) -> str:
    more = f" and {len(tracks) - 1} more" if len(tracks) > 1 else ""
    unscored = f"the model's estimate of '{tracks[0]}'{more} can't be scored (silent or NaN)"
    return f"{unscored}, but the other system's estimate can"


def _bad(target: str, why: str) -> Finding:
    return Finding(target, False, f"{target}: {why}")
