"""The description of an architecture. Each file in `architectures` assigns one to `ARCHITECTURE`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from components.core.base.params import Section

Family = Literal["spectrogram", "waveform", "hybrid"]


@dataclass(frozen=True)
class Architecture:
    """A kind of network, from samples to stems; `components.core.networks.<name>.build_<name>` builds it.

    title      its name as its authors write it
    family     the network's input: spectrograms, samples, or both
    source     the paper or the authors
    config     its typed parameters, the section `train.network` of params.yaml; their defaults are the published ones
    packages   packages that it needs besides those of this project, by their names on PyPI
    trainable  False where the weights can only be converted from elsewhere
    any_level  whether a recording is separated in the same way at every level; False where a network takes the
               magnitudes as they are or scales them by fixed numbers, or where nobody knows
    small      parameters of a network that trains in a minute on a CPU, for tests and quick comparisons
    """

    title: str
    family: Family
    source: str
    config: type[Section]
    small: Mapping[str, Any] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    trainable: bool = True
    any_level: bool = True

    @property
    def name(self) -> str:
        """The name of the architecture in params.yaml (`train.network.name`)."""
        return str(self.config.model_fields["name"].default)
