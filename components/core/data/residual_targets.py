"""Names of targets that are the mixture without one stem."""

_RESIDUALS = {"vocals": "accompaniment", "accompaniment": "vocals"}
_WITHOUT = "no-"


def residual_target(target: str) -> str:
    """Return the name of the mixture without `target`: accompaniment for vocals, no-drums for drums, and back."""
    if target.startswith(_WITHOUT):
        return target.removeprefix(_WITHOUT)
    return _RESIDUALS.get(target, f"{_WITHOUT}{target}")


def excluded_stem(target: str) -> str | None:
    """Return the stem that `target` excludes: vocals for accompaniment, drums for no-drums; None for other targets."""
    if target == _RESIDUALS["vocals"]:
        return "vocals"
    return target.removeprefix(_WITHOUT) if target.startswith(_WITHOUT) else None
