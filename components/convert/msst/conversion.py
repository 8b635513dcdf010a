"""The kind `msst` of `stemline convert`: finds the family of the weights, and converts them to a Stemline network."""

from collections.abc import Collection
from pathlib import Path

from components.convert.msst.checkpoint import read_weights
from components.convert.msst.family import Family
from components.convert.msst.htdemucs import HTDEMUCS
from components.convert.msst.mdx23c import MDX23C
from components.convert.msst.roformers import BS_ROFORMER, MEL_BAND_ROFORMER
from components.convert.msst.scnet import SCNET
from components.convert.msst.training_config import read_training_config
from components.convert.weight_files import ConvertedModel, WeightFormat, add_network_prefix
from components.core.base.errors import UserError

FAMILIES = (BS_ROFORMER, MEL_BAND_ROFORMER, MDX23C, SCNET, HTDEMUCS)


OPTIONS = {
    "zero_dc": "RoFormers: whether the bin at 0 Hz of every stem is zero: yes or no (as the YAML file says, or yes)"
}
"""The options. Each replaces the value of the YAML file."""


def read(config: str, weights: str, **options: str) -> ConvertedModel:
    """Read the YAML file `config` and the file `weights` (.ckpt, .pth, .th or .safetensors).

    Raises UserError when a file is damaged, when the weights are of no known family, and for parameters that our
    network of this family does not have.
    """
    training, state = read_training_config(Path(config)), read_weights(Path(weights))
    family = _find_family(state, weights)
    if "zero_dc" in options:
        training = training.with_model_value("zero_dc", _read_answer(options["zero_dc"], family))
    published = family.read(training, state)
    return ConvertedModel(
        published.network, add_network_prefix(published.state), training.targets, training.rate, published.channels,
        (Path(config), Path(weights)), published.original,
    )  # fmt: skip


def _find_family(names: Collection[str], source: str) -> Family:
    for family in FAMILIES:
        if family.recognises(names):
            return family
    known = ", ".join(family.title for family in FAMILIES)
    raise UserError(f"{source} holds weights of none of the families {known}: name other weights")


def _read_answer(text: str, family: Family) -> bool:
    if family not in (BS_ROFORMER, MEL_BAND_ROFORMER):
        raise UserError(f"--zero-dc is for RoFormers, and these weights are of {family.title}: leave it out")
    if text not in _ANSWERS:
        raise UserError(f"--zero-dc is {text}: choose from {', '.join(_ANSWERS)}")
    return _ANSWERS[text]


_ANSWERS = {"yes": True, "no": False}

FORMAT = WeightFormat(read, OPTIONS, sources=("CONFIG", "WEIGHTS"))
