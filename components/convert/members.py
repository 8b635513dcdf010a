"""Models that become members of another model, and the YAML files that name them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from safetensors.torch import load_file
from torch import Tensor

from components.core.base.errors import UserError
from components.core.base.params import Section, parse_section
from components.core.base.workspace import SCRATCH
from components.core.models.addresses import fetch_model
from components.core.models.model_description import REGISTRY, WEIGHTS, ModelDescription
from components.core.models.model_folder import read_description
from components.core.networks.base.separator import add_residual_target

SectionT = TypeVar("SectionT", bound=Section)


@dataclass(frozen=True)
class Member:
    """A model inside another one.

    network    its network, as in `train.network`
    state      its weights under the names of its separator
    targets    the stems of its network
    """

    network: Mapping[str, Any]
    state: Mapping[str, Tensor]
    targets: tuple[str, ...]

    @property
    def stems(self) -> tuple[str, ...]:
        """The stems of the model."""
        return add_residual_target(self.targets)

    @property
    def config(self) -> dict[str, Any]:
        """The values of its `MemberConfig`."""
        return {"network": dict(self.network), "heads": len(self.targets)}


@dataclass(frozen=True)
class StoredModel:
    """A model of ours at `address`."""

    address: str
    description: ModelDescription
    member: Member

    @property
    def origin(self) -> dict[str, Any]:
        """Where the model comes from, for the `origin` of the model that it becomes a part of."""
        return {"model": self.address, "sha256": self.description.sha256, "origin": self.description.origin}

    def __str__(self) -> str:
        described = self.description
        return f"{self.address} ({', '.join(self.member.stems)}; {described.rate} Hz, {described.channels} channels)"


def join_weights(members: Sequence[Member]) -> dict[str, Tensor]:
    """Return the weights of all members under the names of a `CompoundSeparator`."""
    return {
        f"network.{number}.{'network.' if len(member.targets) == 1 else ''}{name}": value
        for number, member in enumerate(members)
        for name, value in member.state.items()
    }


def read_member_file(path: Path, kind: str, schema: type[SectionT]) -> SectionT:
    """Read a YAML file about models; raises UserError, one line, when it is missing or wrong."""
    if not path.is_file():
        raise UserError(f"{path} is not a file: name the YAML file of a model of the kind {kind}")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except Exception as error:
        # PyYAML lets errors of many kinds pass where a value is not of its type, such as a date of 30 February
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    return parse_section(kind, values, schema, str(path))


def read_model(address: str, file: Path) -> StoredModel:
    """Read the model at an address in the registry, or in a folder as seen from `file`, which names it."""
    place = address if address.startswith(REGISTRY) else str(file.parent / address)
    folder = fetch_model(place, SCRATCH / "models").folder
    description = read_description(folder)
    member = Member(description.network, load_file(folder / WEIGHTS), description.targets)
    return StoredModel(address, description, member)


def require_same_audio(path: Path, first: StoredModel, other: StoredModel) -> None:
    """Raise UserError when two models that `path` names have other rates or channels."""
    facts = [(model.description.rate, model.description.channels) for model in (first, other)]
    if facts[0] != facts[1]:
        raise UserError(f"{path}: {first} and {other} do not match: name models of the same rate and channels")
