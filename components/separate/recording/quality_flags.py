"""Flags: short texts that say why a person should listen to a separated recording."""

from collections.abc import Iterator, Mapping

from components.core.sound.recording_features import SILENCE_DB
from components.separate.config import FlagLimits
from components.separate.recording.quality import SHARE


def find_flags(figures: Mapping[str, float], limits: FlagLimits) -> tuple[str, ...]:
    """Return the flags of a recording with these `figures` (see `Quality.figures`).

    A missing figure raises no flag.
    """
    return tuple(_find(figures, limits))


def _find(figures: Mapping[str, float], limits: FlagLimits) -> Iterator[str]:
    if figures.get("level_db", 0.0) <= SILENCE_DB:
        yield "silent recording"
        return
    yield from _find_in_recording(figures, limits)
    yield from _find_in_stems(figures, limits)
    if figures.get("distance", 0.0) > limits.distance:
        yield f"unlike the training data (distance {figures['distance']:.1f})"


def _find_in_recording(figures: Mapping[str, float], limits: FlagLimits) -> Iterator[str]:
    if figures.get("silent_share", 0.0) > limits.silent_share:
        yield f"silent for {figures['silent_share']:.0%} of the time"
    if figures.get("clipped_share", 0.0) > limits.clipped_share:
        yield f"clipped recording ({figures['clipped_share']:.2%} of the samples)"
    if figures.get("high_db", 0.0) < limits.high_db:
        yield "nothing above 17 kHz"


def _find_in_stems(figures: Mapping[str, float], limits: FlagLimits) -> Iterator[str]:
    for name, share in figures.items():
        target = name.removesuffix(SHARE)
        if name.endswith(SHARE) and target not in ("silent", "clipped") and share < limits.stem_share:
            yield f"{target} nearly silent"
    if figures.get("correlation", 0.0) > limits.correlation:
        yield f"stems alike (correlation {figures['correlation']:.2f})"
