"""The rules of promotion. Each looks at scores and gives a finding; a version passes when every finding is good.

What cannot be shown is never taken for good: a missing threshold, too few tracks, another test set all refuse.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from components.gate.config import GateConfig
from components.gate.scores import Scores


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: whether it is good, and the sentence that says so with its numbers."""

    good: bool
    text: str


def first_champion(config: GateConfig, challenger: Scores) -> list[Finding]:
    """With no champion to compare with: better than the mixture as estimate by a stated minimum, in every target."""
    unscored = [target for target in config.minimum_gain_db if target not in challenger.targets]
    return [
        *(_gain(config, challenger, target) for target in challenger.targets),
        *(Finding(False, f"{target}: the model does not separate it, and a minimum is stated") for target in unscored),
    ]


def against_champion(config: GateConfig, challenger: Scores, champion: Scores) -> list[Finding]:
    """Not worse than the champion by more than the margin, in every target, at the stated confidence."""
    if challenger.test_digest != champion.test_digest:
        return [Finding(False, "champion and challenger were scored on different test tracks")]
    given_up = [target for target in champion.targets if target not in challenger.targets]
    return [
        *(_difference(config, challenger, champion, target) for target in challenger.targets),
        *(Finding(False, f"{target}: the champion separates it, and the challenger does not") for target in given_up),
    ]


def lower_bound(differences: NDArray[np.float64], config: GateConfig) -> float:
    """Return the lower end of the bootstrap interval of the mean difference (percentile method, over tracks)."""
    random = np.random.default_rng(config.seed)
    drawn = random.integers(0, len(differences), (config.resamples, len(differences)))
    return float(np.quantile(differences[drawn].mean(axis=1), 1 - config.confidence))


def _gain(config: GateConfig, scores: Scores, target: str) -> Finding:
    if target not in config.minimum_gain_db:
        return Finding(False, f"{target}: gate.minimum_gain_db in params.yaml states no minimum for it")
    if "mixture" not in scores.sdr:
        return Finding(False, f"{target}: the mixture was not scored (evaluate.systems in params.yaml)")
    gains = _paired(scores.sdr["model"], scores.sdr["mixture"], target)
    if not len(gains):
        return Finding(False, f"{target}: no track has a score")
    gain, minimum = float(np.median(gains)), config.minimum_gain_db[target]
    text = f"{target}: {gain:+.2f} dB SDR over the mixture (median of {len(gains)} tracks); at least {minimum:+.2f} dB"
    return Finding(gain >= minimum, text)


def _difference(config: GateConfig, challenger: Scores, champion: Scores, target: str) -> Finding:
    if target not in champion.targets:
        return Finding(False, f"{target}: the champion does not separate it, so nothing can be compared")
    differences = _paired(challenger.sdr["model"], champion.sdr["model"], target)
    if len(differences) < config.minimum_tracks:
        return Finding(
            False, f"{target}: {len(differences)} tracks in common, and {config.minimum_tracks} are needed to compare"
        )
    bound = lower_bound(differences, config)
    text = (
        f"{target}: {differences.mean():+.2f} dB SDR against the champion (mean of {len(differences)} tracks), at "
        f"{config.confidence:.0%} confidence at least {bound:+.2f} dB; allowed {-config.margin_db:+.2f} dB"
    )
    return Finding(bound >= -config.margin_db, text)


def _paired(first: pd.DataFrame, second: pd.DataFrame, target: str) -> NDArray[np.float64]:
    differences: NDArray[np.float64] = (first[target] - second[target]).dropna().to_numpy(dtype=np.float64)
    return differences
