"""Targets that are what another one leaves of the mixture."""

_RESTS = {"vocals": "accompaniment", "accompaniment": "vocals"}
_WITHOUT = "no-"


def residual_target(target: str) -> str:
    """Return what is called what `target` leaves: accompaniment for vocals, no-drums for drums."""
    return _RESTS.get(target, f"{_WITHOUT}{target}")


def excluded_stem(target: str) -> str | None:
    """Return the stem that alone is not in `target`: vocals for accompaniment, drums for no-drums; None for a stem."""
    if target == _RESTS["vocals"]:
        return "vocals"
    return target.removeprefix(_WITHOUT) if target.startswith(_WITHOUT) else None
