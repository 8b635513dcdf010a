"""The kind `ensemble`: several models of ours as one, from a YAML file that names them."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from components.convert.members import (
    Member,
    StoredModel,
    join_weights,
    read_member_file,
    read_model,
    require_same_audio,
)
from components.convert.weight_files import ConvertedModel, WeightFormat
from components.core.base.errors import UserError
from components.core.base.params import Section, parse_section
from components.core.networks.architectures.ensemble import Combination, EnsembleConfig, MemberOutput, Weight


class _Member(Section):
    """A model: its folder, seen from the file, or its address in the registry; and its weights by stem (1)."""

    model: str
    weights: dict[str, Weight] = Field(default_factory=dict)


class _File(Section):
    """The file of an ensemble."""

    combination: Combination = "mean"
    members: tuple[_Member, ...] = Field(min_length=2)


def read(source: str) -> ConvertedModel:
    """Read the models that a YAML file names; they must have the same stems, rate and channels."""
    path = Path(source)
    file = read_member_file(path, "ensemble", _File)
    models = [read_model(member.model, path) for member in file.members]
    for model in models:
        _require_alike(path, models[0], model)
    stems, first = models[0].member.stems, models[0].description
    members = [model.member for model in models]
    weights = [_list_weights(path, member, stems) for member in file.members]
    network = make_config(members, weights, stems, file.combination, "stems", source)
    return ConvertedModel(
        network, join_weights(members), stems, first.rate, first.channels, (path,),
        origin={"members": [model.origin for model in models]},
    )  # fmt: skip


def make_config(
    members: Sequence[Member],
    weights: Sequence[tuple[float, ...]],
    stems: tuple[str, ...],
    combination: Combination,
    output: MemberOutput,
    where: str,
) -> EnsembleConfig:
    """Return the network of an ensemble that separates `stems`.

    `weights` has a number for each stem and member, and `where` is the name in errors.
    """
    described = [
        member.config | {"places": [member.stems.index(stem) for stem in stems], "weights": row}
        for member, row in zip(members, weights, strict=True)
    ]
    values = {"name": "ensemble", "combination": combination, "output": output, "members": described}
    return parse_section("network", values, EnsembleConfig, where)


def _require_alike(path: Path, first: StoredModel, other: StoredModel) -> None:
    require_same_audio(path, first, other)
    if set(first.member.stems) != set(other.member.stems):
        raise UserError(f"{path}: {first} and {other} do not match: name models of the same stems")


def _list_weights(path: Path, member: _Member, stems: tuple[str, ...]) -> tuple[float, ...]:
    if unknown := sorted(set(member.weights) - set(stems)):
        raise UserError(f"{path}: {member.model} has no stem '{unknown[0]}': choose from {', '.join(stems)}")
    return tuple(member.weights.get(stem, 1.0) for stem in stems)


FORMAT = WeightFormat(read)
