"""The kind `chain`: two models of ours as one, from a YAML file; the second separates a stem of the first."""

from pathlib import Path

from components.convert.members import StoredModel, join_weights, read_member_file, read_model, require_same_audio
from components.convert.weight_files import ConvertedModel, WeightFormat
from components.core.base.errors import UserError
from components.core.base.params import Section, parse_section
from components.core.networks.architectures.chain import ChainConfig


class _File(Section):
    """The file of a chain: folders of models, seen from it, or addresses; and the stem that the second separates."""

    first: str
    stem: str
    second: str


def read(source: str) -> ConvertedModel:
    """Read the two models that a YAML file names; they must have the same rate and channels, and no stem in common.

    The stem that is separated again is none of the chain's, so the second model may have one of its name.
    """
    path = Path(source)
    file = read_member_file(path, "chain", _File)
    first, second = models = read_model(file.first, path), read_model(file.second, path)
    require_same_audio(path, first, second)
    stems, split = _list_stems(path, first, second, file.stem)
    members = [model.member for model in models]
    values = {"name": "chain", "members": [member.config for member in members], "split": split}
    network = parse_section("network", values, ChainConfig, source)
    return ConvertedModel(
        network, join_weights(members), stems, first.description.rate, first.description.channels, (path,),
        origin={"members": [model.origin for model in models]},
    )  # fmt: skip


def _list_stems(path: Path, first: StoredModel, second: StoredModel, stem: str) -> tuple[tuple[str, ...], int]:
    """Return the stems of the chain, and the place of `stem` among those of the first model."""
    names = first.member.stems
    if stem not in names:
        raise UserError(f"{path}: {first.address} has no stem '{stem}': choose from {', '.join(names)}")
    split = names.index(stem)
    others = (*names[:split], *names[split + 1 :])
    if common := sorted(set(others) & set(second.member.stems)):
        raise UserError(f"{path}: {first} and {second} both have the stem '{common[0]}': name models of other stems")
    return (*names[:split], *second.member.stems, *names[split + 1 :]), split


FORMAT = WeightFormat(read)
