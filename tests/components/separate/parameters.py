"""The parameters of params.yaml, with changes for a test."""

from typing import Any

from components.core.base.params import PACKAGED_PARAMS, load_section, parse_section
from components.separate.config import FlagLimits, Limits, SeparateConfig

CONFIG = load_section("separate", SeparateConfig, PACKAGED_PARAMS)


def separate_config(**changes: Any) -> SeparateConfig:
    """Return the section `separate` of params.yaml with `changes`."""
    return parse_section("separate", {**CONFIG.model_dump(mode="json"), **_as_json(changes)}, SeparateConfig, "test")


def limits(**changes: float) -> Limits:
    """Return the limits of params.yaml with `changes`."""
    return CONFIG.limits.model_copy(update=changes)


def flag_limits(**changes: float) -> FlagLimits:
    """Return the limits of flags of params.yaml with `changes`."""
    return CONFIG.flags.model_copy(update=changes)


def _as_json(changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value.model_dump() if hasattr(value, "model_dump") else value for name, value in changes.items()}
