"""Several models as one: the kind `ensemble`, from a YAML file that names model folders, and the bags of `demucs`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field
from safetensors.torch import load_file
from torch import Tensor

from components.convert.weight_files import ConvertedModel, WeightFormat
from components.core.base.errors import UserError
from components.core.base.params import Section, parse_section
from components.core.base.workspace import SCRATCH
from components.core.models.addresses import fetch_model
from components.core.models.model_description import REGISTRY, WEIGHTS, ModelDescription
from components.core.models.model_folder import read_description
from components.core.networks.architectures.ensemble import Combination, EnsembleConfig, MemberOutput, Weight
from components.core.networks.base.separator import add_residual_target


class _Member(Section):
    """A model: its folder, seen from the file, or its address in the registry; and its weights by stem (1)."""

    model: str
    weights: dict[str, Weight] = Field(default_factory=dict)


class _File(Section):
    """The file of an ensemble."""

    combination: Combination = "mean"
    members: tuple[_Member, ...] = Field(min_length=2)


@dataclass(frozen=True)
class Member:
    """A model of an ensemble.

    network    its network, as in `train.network`
    state      its weights under the names of its separator
    targets    the stems of its network
    weights    its weight in the mean, for each stem of the ensemble
    """

    network: Mapping[str, Any]
    state: Mapping[str, Tensor]
    targets: tuple[str, ...]
    weights: tuple[float, ...]


def join_members(
    members: Sequence[Member], stems: tuple[str, ...], combination: Combination, output: MemberOutput, where: str
) -> tuple[EnsembleConfig, dict[str, Tensor]]:
    """Return the network of an ensemble that separates `stems`, and its weights; `where` is the name in errors."""
    described = [
        {
            "network": dict(member.network),
            "heads": len(member.targets),
            "places": [add_residual_target(member.targets).index(stem) for stem in stems],
            "weights": member.weights,
        }
        for member in members
    ]
    values = {"name": "ensemble", "combination": combination, "output": output, "members": described}
    state = {
        f"network.{number}.{'network.' if len(member.targets) == 1 else ''}{name}": value
        for number, member in enumerate(members)
        for name, value in member.state.items()
    }
    return parse_section("network", values, EnsembleConfig, where), state


def read(source: str) -> ConvertedModel:
    """Read the models that a YAML file names; they must have the same stems, rate and channels."""
    path = Path(source)
    file = _read_file(path)
    folders = [_find_folder(member.model, path) for member in file.members]
    descriptions = [read_description(folder) for folder in folders]
    first = descriptions[0]
    for member, description in zip(file.members, descriptions, strict=True):
        _require_alike(path, (file.members[0], first), (member, description))
    stems = add_residual_target(first.targets)
    members = [
        Member(
            description.network, load_file(folder / WEIGHTS), description.targets, _list_weights(path, member, stems)
        )
        for member, folder, description in zip(file.members, folders, descriptions, strict=True)
    ]
    network, state = join_members(members, stems, file.combination, "stems", source)
    origins = [
        {"model": member.model, "sha256": description.sha256, "origin": description.origin}
        for member, description in zip(file.members, descriptions, strict=True)
    ]
    return ConvertedModel(network, state, stems, first.rate, first.channels, (path,), origin={"members": origins})


def _read_file(path: Path) -> _File:
    if not path.is_file():
        raise UserError(f"{path} is not a file: name the YAML file of an ensemble")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    return parse_section("ensemble", values, _File, str(path))


def _find_folder(address: str, file: Path) -> Path:
    place = address if address.startswith(REGISTRY) else str(file.parent / address)
    return fetch_model(place, SCRATCH / "models").folder


_Described = tuple[_Member, ModelDescription]


def _require_alike(path: Path, first: _Described, other: _Described) -> None:
    """Raise UserError when the models differ in their stems, in whatever order, in their rate or their channels."""
    facts = [
        (set(add_residual_target(description.targets)), description.rate, description.channels)
        for _, description in (first, other)
    ]
    if facts[0] != facts[1]:
        both = f"{_describe(*first)} and {_describe(*other)}"
        raise UserError(f"{path}: {both} do not match: name models of the same stems, rate and channels")


def _describe(member: _Member, found: ModelDescription) -> str:
    stems = ", ".join(add_residual_target(found.targets))
    return f"{member.model} ({stems}; {found.rate} Hz, {found.channels} channels)"


def _list_weights(path: Path, member: _Member, stems: tuple[str, ...]) -> tuple[float, ...]:
    if unknown := sorted(set(member.weights) - set(stems)):
        raise UserError(f"{path}: {member.model} has no stem '{unknown[0]}': choose from {', '.join(stems)}")
    return tuple(member.weights.get(stem, 1.0) for stem in stems)


FORMAT = WeightFormat(read)
