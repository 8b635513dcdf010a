"""The rules about scores. Each looks at them and gives findings; a version passes when every finding is good.

What cannot be shown is never taken for good: a missing threshold, too few tracks, another test set all refuse.
"""

from collections.abc import Iterable

import numpy as np

from components.core.data.bootstrap import Values, mean_lower_bound
from components.core.release.verdict import Finding
from components.gate.config import GateConfig
from components.gate.scores import MIXTURE, MODEL, Scores, paired, unscored, values_of


def first_champion(config: GateConfig, challenger: Scores) -> list[Finding]:
    """With no champion to compare with: better than the mixture as estimate by a stated minimum, in every target."""
    unscored = [target for target in config.minimum_gain_db if target not in challenger.targets]
    return [
        *(_gain(config, challenger, target) for target in challenger.targets),
        *(_missing(target, "the model does not separate it, and a minimum is stated") for target in unscored),
    ]


def against_champion(config: GateConfig, challenger: Scores, champion: Scores) -> list[Finding]:
    """Not worse than the champion by more than the margin, in every target, at the stated confidence; or better."""
    if challenger.test_digest != champion.test_digest:
        return [Finding("test set", False, "champion and challenger were scored on different test tracks")]
    if challenger.scorer != champion.scorer:
        text = f"the challenger was scored by {challenger.scorer}, the champion by {champion.scorer}"
        return [Finding("scorer", False, text)]
    given_up = [target for target in champion.targets if target not in challenger.targets]
    found = [
        *(_compared(config, challenger, champion, target) for target in challenger.targets),
        *(_missing(target, "the champion separates it, and the challenger does not") for target in given_up),
    ]
    if config.rule == "better":
        found.append(_better(config, challenger, champion))
    return found


def bound_of(differences: Values, config: GateConfig, confidence: float | None = None) -> float:
    """Return what the mean difference is not lower than, in dB, at the stated confidence."""
    return mean_lower_bound(differences, confidence or config.confidence, config.resamples, config.seed)


def differences_by_target(challenger: Scores, champion: Scores) -> dict[str, Values]:
    """Return challenger minus champion, in dB, of the tracks in common, for the targets in common."""
    common = [target for target in challenger.targets if target in champion.targets]
    return {target: values_of(paired(challenger.sdr[MODEL], champion.sdr[MODEL], target)) for target in common}


def gains_by_target(scores: Scores) -> dict[str, Values]:
    """Return model minus mixture, in dB, by target; of no target where the mixture was not scored."""
    if MIXTURE not in scores.sdr:
        return {}
    return {target: values_of(paired(scores.sdr[MODEL], scores.sdr[MIXTURE], target)) for target in scores.targets}


def _gain(config: GateConfig, scores: Scores, target: str) -> Finding:
    if target not in config.minimum_gain_db:
        return _missing(target, "gate.minimum_gain_db in params.yaml states no minimum for it")
    if MIXTURE not in scores.sdr:
        return _missing(target, "the mixture was not scored (evaluate.systems in params.yaml)")
    gains = gains_by_target(scores)[target]
    if not len(gains):
        return _missing(target, "no track has a score")
    if lost := unscored(scores.sdr[MODEL], scores.sdr[MIXTURE], target):
        return _missing(target, _silent(lost))
    gain, minimum = float(np.median(gains)), config.minimum_gain_db[target]
    text = f"{target}: {gain:+.2f} dB SDR over the mixture (median of {len(gains)} tracks); at least {minimum:+.2f} dB"
    return Finding(target, gain >= minimum, text)


def _compared(config: GateConfig, challenger: Scores, champion: Scores, target: str) -> Finding:
    if target not in champion.targets:
        why = "the champion does not separate it, so nothing can be compared"
        return _missing(target, f"{why}: other stems are another model, with a register.name of its own")
    if lost := unscored(challenger.sdr[MODEL], champion.sdr[MODEL], target):
        return _missing(target, _silent(lost))
    differences = differences_by_target(challenger, champion)[target]
    if len(differences) < config.minimum_tracks:
        why = f"{len(differences)} tracks in common, and {config.minimum_tracks} are needed to compare"
        return _missing(target, why)
    bound, mean = bound_of(differences, config), float(differences.mean())
    text = (
        f"{target}: {mean:+.2f} dB SDR against the champion (mean of {len(differences)} tracks), at "
        f"{config.confidence:.0%} confidence at least {bound:+.2f} dB; allowed {-config.margin_db:+.2f} dB, and "
        f"{-config.stem_limit_db:+.2f} dB for the mean itself"
    )
    return Finding(target, bound >= -config.margin_db and mean >= -config.stem_limit_db, text)


def _better(config: GateConfig, challenger: Scores, champion: Scores) -> Finding:
    """Surely better in every named target; in any one where none is named, each then held to a stricter confidence."""
    differences = differences_by_target(challenger, champion)
    named = config.better_in or tuple(differences)
    tests = 1 if config.better_in else max(1, len(named))
    confidence = 1 - (1 - config.confidence) / tests  # Bonferroni: several chances must not add up
    bounds = {
        target: bound_of(differences[target], config, confidence)
        for target in named
        if target in differences and len(differences[target]) >= config.minimum_tracks
    }
    better = [bounds.get(target, -np.inf) > 0 for target in named]
    good = all(better) if config.better_in else any(better)
    which = " and ".join(config.better_in) or "any one target"
    text = (
        f"better in {which}, at {confidence:.1%} confidence: at least {_listed(bounds, named)}; above +0.00 dB is asked"
    )
    return Finding("better", bool(named) and good, text)


def _listed(bounds: dict[str, float], named: Iterable[str]) -> str:
    said = (f"{target} {bounds[target]:+.2f} dB" if target in bounds else f"{target} unknown" for target in named)
    return ", ".join(said) or "nothing"


def _silent(tracks: list[str]) -> str:
    """Say on which tracks the model's estimate can't be scored: it is silent there, or no number."""
    more = f" and {len(tracks) - 1} more" if len(tracks) > 1 else ""
    return f"the model's estimate of '{tracks[0]}'{more} can't be scored (silent, or no numbers), and others' can"


def _missing(target: str, why: str) -> Finding:
    return Finding(target, False, f"{target}: {why}")
