"""The error rates of the gate: `python -m benchmarks.gate_rates [--methods | --slices]`

Draws per-track differences with a known true mean and applies the rule `not_worse` of params.yaml. Prints how often the
rule accepts. The spread of the differences is that between two kinds of stems of the shipped model on the test tracks
of MUSDB18-7 (models/*/scores). Their shapes: normal, heavy tails, two skewed ones, and the real differences, drawn with
replacement. `--methods` compares methods for the lower bound at a true loss of exactly the margin: a correct rule then
accepts with a probability of 1 - confidence. `--slices` prints how often a slice, a third of the tracks, refuses a
challenger that equals the champion on the other tracks.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student

from components.core.base.params import load_section
from components.core.data.bootstrap import Values, mean_lower_bound
from components.core.models.addresses import SHIPPED
from components.gate.config import GateConfig

ROUNDS = 2000
RESAMPLES = 2000  # fewer than in the gate; their error is far below that of the rounds
TRACKS = (5, 10, 25, 50)
LOSSES = (2.0, 1.0, 0.0, -1.0, -2.0, -5.0)
"""True losses of the challenger, in margins; below 0 it is better."""

Random = np.random.Generator
Shape = Callable[[Random, int], Values]
Method = Callable[[Values, float], float]


@dataclass(frozen=True)
class Rule:
    """The rule: at this confidence the mean is not below minus the margin, in dB."""

    margin: float
    confidence: float


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tables = parser.add_mutually_exclusive_group()
    tables.add_argument("--methods", action="store_true", help="compare methods for the lower bound")
    tables.add_argument("--slices", action="store_true", help="print how often a slice (a third of the tracks) refuses")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    config = load_section("gate", GateConfig)
    rule, real = Rule(config.margin_db, config.confidence), real_differences()
    print(f"margin {rule.margin} dB, confidence {rule.confidence:.0%}, spread {real.std(ddof=1):.2f} dB\n")
    if arguments.methods:
        _print_methods(rule, real, arguments.rounds)
    elif arguments.slices:
        _print_slices(config.slice_limit_db, real, arguments.rounds)
    else:
        _print_rates(rule, real, arguments.rounds)


def real_differences() -> Values:
    """Return the change of the vocals' SDR by the Wiener filter for each test track of the shipped model, in dB."""
    table = pd.read_csv(SHIPPED / "scores" / "musdb18-7s" / "scores.csv")
    rows = table[(table["metric"] == "SDR") & (table["target"] == "vocals")]
    by_system = rows.pivot(index="track", columns="system", values="value")
    return np.asarray((by_system["model+wiener"] - by_system["model"]).dropna(), dtype=np.float64)


def shapes(real: Values) -> Mapping[str, Shape]:
    """Return functions that draw differences with mean 0 and the spread of the real ones."""
    spread = float(real.std(ddof=1))
    skewed = np.exp(0.6**2 / 2), np.sqrt((np.exp(0.6**2) - 1) * np.exp(0.6**2))  # mean and deviation, log-normal
    centred = real - real.mean()
    return {
        "normal": lambda random, tracks: spread * random.standard_normal(tracks),
        "heavy tails (t, 3)": lambda random, tracks: spread / np.sqrt(3) * random.standard_t(3, tracks),
        "few large losses": lambda random, tracks: -spread * (random.lognormal(0, 0.6, tracks) - skewed[0]) / skewed[1],
        "few large gains": lambda random, tracks: spread * (random.lognormal(0, 0.6, tracks) - skewed[0]) / skewed[1],
        "real": lambda random, tracks: random.choice(centred, tracks),
        "real, opposite sign": lambda random, tracks: -random.choice(centred, tracks),
    }


def bounds(shape: Shape, tracks: int, confidence: float, rounds: int, method: Method | None = None) -> Values:
    """Return the lower bound of each of `rounds` draws; a shift of the differences shifts it by the same amount."""
    random = np.random.default_rng(tracks)
    bound = method or gate_bound
    return np.array([bound(shape(random, tracks), confidence) for _ in range(rounds)])


def acceptance_rate(lower_bounds: Values, loss: float, margin: float) -> float:
    """Return the share of draws in which a challenger that is worse by `loss` dB is accepted."""
    return float(np.mean(lower_bounds - loss >= -margin))


def gate_bound(values: Values, confidence: float) -> float:
    """Return the lower bound as the gate computes it."""
    return mean_lower_bound(values, confidence, RESAMPLES, 7)


def percentile_bound(values: Values, confidence: float) -> float:
    """Return the bound by percentiles of the resampled means."""
    drawn = np.random.default_rng(7).integers(0, len(values), (RESAMPLES, len(values)))
    return float(np.quantile(values[drawn].mean(axis=1), 1 - confidence))


def student_bound(values: Values, confidence: float) -> float:
    """Return the bound of Student's t interval."""
    error = values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() + student.ppf(1 - confidence, len(values) - 1) * error)


METHODS: Mapping[str, Method] = {"percentile": percentile_bound, "Student's t": student_bound, "the gate's": gate_bound}


def _print_rates(rule: Rule, real: Values, rounds: int) -> None:
    heads = [f"{0.0 - loss * rule.margin:+.1f} dB" for loss in LOSSES]
    print(f"| differences | tracks | {' | '.join(heads)} |\n|---|---|{'---|' * len(heads)}")
    for name, shape in shapes(real).items():
        for tracks in TRACKS:
            lower_bounds = bounds(shape, tracks, rule.confidence, rounds)
            rates = [acceptance_rate(lower_bounds, loss * rule.margin, rule.margin) for loss in LOSSES]
            print(f"| {name} | {tracks} | {' | '.join(f'{rate:.1%}' for rate in rates)} |", flush=True)


def _print_methods(rule: Rule, real: Values, rounds: int) -> None:
    print(f"| differences | tracks | {' | '.join(METHODS)} |\n|---|---|{'---|' * len(METHODS)}")
    for name, shape in shapes(real).items():
        for tracks in TRACKS:
            rates = [
                acceptance_rate(bounds(shape, tracks, rule.confidence, rounds, method), rule.margin, rule.margin)
                for method in METHODS.values()
            ]
            print(f"| {name} | {tracks} | {' | '.join(f'{rate:.1%}' for rate in rates)} |", flush=True)


def _print_slices(limit: float, real: Values, rounds: int) -> None:
    """Print how often a slice loses more than the limit. The true loss of the first slice is 0, 1 or 2 limits."""
    losses = (0.0, 1.0, 2.0)
    heads = [f"one third loses {loss * limit:.1f} dB" for loss in losses]
    print(f"| differences | tracks | {' | '.join(heads)} |\n|---|---|{'---|' * len(heads)}")
    for name, shape in shapes(real).items():
        for tracks in TRACKS[2:]:
            random = np.random.default_rng(tracks)
            thirds = [[part.mean() for part in np.array_split(shape(random, tracks), 3)] for _ in range(rounds)]
            refused = [np.mean((np.array(thirds) - [loss * limit, 0, 0]).min(axis=1) < -limit) for loss in losses]
            print(f"| {name} | {tracks} | {' | '.join(f'{rate:.1%}' for rate in refused)} |", flush=True)


if __name__ == "__main__":
    main()
