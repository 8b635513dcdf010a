"""The systems that can be trained and compared: every trainable architecture, with the stems of its authors.

The name of a system is used in `stemline compare --systems`, as the folder of its results, and as its row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.core.base.errors import UserError
from components.core.networks.architecture_registry import ARCHITECTURES

TWO_STEMS = ("vocals", "accompaniment")
FOUR_STEMS = ("vocals", "drums", "bass", "other")
FIVE_STEMS = ("vocals", "drums", "bass", "piano", "other")


@dataclass(frozen=True)
class System:
    """An architecture with the `parameters` of its network and the stems that it separates."""

    name: str
    architecture: str
    targets: tuple[str, ...] = TWO_STEMS
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Its name as its authors write it, with the number of stems unless these are vocals and accompaniment."""
        title = ARCHITECTURES[self.architecture].title
        return title if self.targets == TWO_STEMS else f"{title}, {len(self.targets)} stems"

    @property
    def published(self) -> dict[str, Any]:
        """The network in its authors' size, as a value of `train.network`."""
        return {"name": self.architecture, **self.parameters}

    @property
    def small(self) -> dict[str, Any]:
        """The network in a size that trains in a minute or two on a processor."""
        return {**self.published, **ARCHITECTURES[self.architecture].small}


def _systems() -> dict[str, System]:
    plain = [System(name.replace("_", "-"), name) for name, found in ARCHITECTURES.items() if found.trainable]
    elu = {"activation": "elu"}  # as in the models that Spleeter's authors published
    softmax = {**elu, "masks": "softmax"}
    more = [System("spleeter-4", "spleeter", FOUR_STEMS, elu), System("spleeter-5", "spleeter", FIVE_STEMS, softmax)]
    return {system.name: system for system in [*plain, *more]}


SYSTEMS: Mapping[str, System] = _systems()
"""Every system by its name."""

NEED_MORE_DATA = ("spleeter-5",)
"""Systems with stems that the usual data sets lack: they are compared only when they are named."""


def find_systems(names: Sequence[str] | None) -> list[System]:
    """Return the systems of these names (`-` and `_` are the same); without names, all that the usual data sets suit.

    Raises UserError for an unknown name.
    """
    if names is None:
        return [system for name, system in SYSTEMS.items() if name not in NEED_MORE_DATA]
    wanted = [name.strip().lower().replace("_", "-") for name in names]
    if unknown := [name for name in wanted if name not in SYSTEMS]:
        raise UserError(f"--systems: there is no system {unknown[0]}: choose from {', '.join(SYSTEMS)}")
    return [SYSTEMS[name] for name in dict.fromkeys(wanted)]
