"""What it takes to run the version: it is tried as production would, and held to a budget."""

from collections.abc import Callable

from components.core.base.errors import UserError
from components.core.models.smoke_test import NotTried, SmokeResult
from components.core.release.verdict import Finding
from components.gate.config import GateConfig

Try = Callable[[str], SmokeResult]
"""Tries the model at an address; raises UserError where it does not work, NotTried where that could not be seen."""


def operable(
    config: GateConfig, challenger: str, sha256: str, champion: str | None, tried: Try
) -> tuple[list[Finding], dict[str, SmokeResult]]:
    """Return the findings about the version at `challenger`, of weights `sha256`; and what was seen, by role.

    Raises NotTried: an outage is no verdict.
    """
    try:
        seen = {"challenger": tried(challenger)}
    except NotTried:
        raise
    except UserError as error:
        return [Finding("smoke", False, f"smoke: {error}")], {}
    findings = _within_budget(config, seen["challenger"], sha256)
    if champion is None:
        return findings, seen
    try:
        seen["champion"] = tried(champion)
    except NotTried:
        raise
    except UserError as error:
        return [*findings, Finding("slowdown", False, f"slowdown: the champion cannot be tried: {error}")], seen
    return [*findings, _slowdown(config, seen["challenger"], seen["champion"])], seen


def _within_budget(config: GateConfig, seen: SmokeResult, sha256: str) -> list[Finding]:
    same = seen.sha256 == sha256
    word = "are" if same else "are not"
    return [
        Finding("weights", same, f"weights: those in the registry {word} the ones that were registered (SHA-256)"),
        Finding(
            "sum",
            seen.largest_error <= config.sum_error,
            f"sum: stems miss the mixture by {seen.largest_error:.1e} of its peak; allowed {config.sum_error:.1e}",
        ),
        Finding(
            "speed",
            seen.times_real_time >= config.slowest_times_real_time,
            f"speed: {seen.times_real_time:.3g} times real time; at least {config.slowest_times_real_time:g}",
        ),
        Finding(
            "size",
            seen.weights_mb <= config.largest_weights_mb,
            f"size: weights of {seen.weights_mb:.1f} MB; at most {config.largest_weights_mb:g} MB",
        ),
        Finding(
            "memory",
            seen.memory_mb <= config.largest_memory_mb,
            f"memory: {seen.memory_mb:.0f} MB at its peak; at most {config.largest_memory_mb:g} MB",
        ),
    ]


def _slowdown(config: GateConfig, challenger: SmokeResult, champion: SmokeResult) -> Finding:
    slowdown = champion.times_real_time / challenger.times_real_time
    text = f"slowdown: {slowdown:.2f} times the champion's time; at most {config.slowdown_limit:g}"
    return Finding("slowdown", slowdown <= config.slowdown_limit, text)
