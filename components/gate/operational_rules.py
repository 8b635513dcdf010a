"""The rules about running a version: a trial as in production must stay within the budgets."""

from collections.abc import Callable

from components.core.base.errors import UserError
from components.core.models.smoke_test import NotTestedError, SmokeResult
from components.core.release.verdict import Finding
from components.gate.config import GateConfig

TryModel = Callable[[str], SmokeResult]
"""Tests the model at an address. Raises UserError when it does not work, NotTestedError when it was not tested."""


def judge_operation(
    config: GateConfig, challenger: str, sha256: str, champion: str | None, try_model: TryModel
) -> tuple[list[Finding], dict[str, SmokeResult]]:
    """Return the findings about the version at the address `challenger`, and the measurements by role.

    `sha256` is that of the weights that were registered. Raises NotTestedError: an outage is no verdict.
    """
    try:
        results = {"challenger": try_model(challenger)}
    except NotTestedError:
        raise
    except UserError as error:
        return [Finding("smoke", False, f"smoke: {error}")], {}
    findings = _judge_budgets(config, results["challenger"], sha256)
    if champion is None:
        return findings, results
    try:
        results["champion"] = try_model(champion)
    except NotTestedError:
        raise
    except UserError as error:
        text = f"slowdown: the live model cannot be tested: {error}"
        return [*findings, Finding("slowdown", False, text)], results
    return [*findings, _judge_slowdown(config, results["challenger"], results["champion"])], results


def _judge_budgets(config: GateConfig, result: SmokeResult, sha256: str) -> list[Finding]:
    same = result.sha256 == sha256
    are = "are" if same else "are not"
    return [
        Finding("weights", same, f"weights: those in the registry {are} the ones that were registered (SHA-256)"),
        Finding(
            "sum",
            result.largest_error <= config.sum_error,
            f"sum: stems miss the mixture by {result.largest_error:.1e} of its peak; allowed {config.sum_error:.1e}",
        ),
        Finding(
            "speed",
            result.times_real_time >= config.slowest_times_real_time,
            f"speed: {result.times_real_time:.3g} times real time; at least {config.slowest_times_real_time:g}",
        ),
        Finding(
            "size",
            result.weights_mb <= config.largest_weights_mb,
            f"size: weights of {result.weights_mb:.1f} MB; at most {config.largest_weights_mb:g} MB",
        ),
        Finding(
            "memory",
            result.memory_mb <= config.largest_memory_mb,
            f"memory: {result.memory_mb:.0f} MB at its peak; at most {config.largest_memory_mb:g} MB",
        ),
    ]


def _judge_slowdown(config: GateConfig, challenger: SmokeResult, champion: SmokeResult) -> Finding:
    slowdown = champion.times_real_time / challenger.times_real_time
    text = f"slowdown: {slowdown:.2f} times the live model's time; at most {config.slowdown_limit:g}"
    return Finding("slowdown", slowdown <= config.slowdown_limit, text)
