"""A model on disk: a folder with the weights, without pickle, and the description that rebuilds the network.

model.json            network, targets, rate, channels, origin, SHA-256 of the weights
weights.safetensors   the weights of the separator
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from components.core.base.errors import UserError
from components.core.base.files import digest_file, whole_file
from components.core.base.params import Section
from components.core.models.model_description import WEIGHTS, ModelDescription
from components.core.networks.architecture_registry import parse_network
from components.core.networks.base.separator import ResidualSeparator, Separator, add_residual_target
from components.core.networks.building import build_separator

Stored = Literal["fp32", "fp16"]
"""The precision of a model's weights on disk."""


def _round_kernels(value: Tensor) -> Tensor:
    return value.half() if value.is_floating_point() and value.dim() > 1 else value


_STORED: Mapping[Stored, Callable[[Tensor], Tensor]] = {"fp32": lambda value: value, "fp16": _round_kernels}


@dataclass(frozen=True)
class Model:
    """A loaded model.

    separator   the network with its weights; takes `(batch, channels, samples)`
    network     the config of the network
    targets     the names of the stems, in the order of the output
    rate        sampling rate in Hz
    origin      where the model comes from: run, commit, step, packages
    digest      SHA-256 of the weights' file
    """

    separator: Separator
    network: Section
    targets: tuple[str, ...]
    rate: int
    channels: int
    origin: Mapping[str, Any]
    digest: str


def save_model(
    folder: Path,
    separator: Separator,
    network: Section,
    targets: tuple[str, ...],
    rate: int,
    channels: int,
    origin: Mapping[str, Any],
    stored: Stored = "fp32",
) -> None:
    """Write the model to `folder`; `origin` names the run, commit, data and seed that it comes from.

    With `fp16` the file has half the size: kernels and matrices are rounded to 11 bits; norms and biases, which have
    few numbers and may exceed the range of fp16, are not. Every load makes them float32 again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = _STORED[stored]
    with whole_file(folder / WEIGHTS) as partial:
        save_file({name: kept(value).contiguous() for name, value in separator.state_dict().items()}, partial)
    description = ModelDescription(
        network=network.model_dump(mode="json"), targets=targets, rate=rate, channels=channels, origin=dict(origin),
        sha256=digest_file(folder / WEIGHTS),
    )  # fmt: skip
    description.write(folder)


def load_model(folder: Path) -> Model:
    """Load a model on the CPU, in evaluation mode; raises UserError when a file is missing or was changed.

    A network with one stem becomes a model with two: the stem, and the rest of the mixture.
    """
    description = read_description(folder)
    network = parse_network(description.network, str(folder / ModelDescription.FILE))
    separator = build_separator(network, len(description.targets), description.channels)
    try:
        separator.load_state_dict(load_file(folder / WEIGHTS))
    except (SafetensorError, RuntimeError) as error:
        raise UserError(
            f"{folder / WEIGHTS} does not fit {ModelDescription.FILE}: {str(error).splitlines()[0]}"
        ) from None
    whole = separator if len(description.targets) > 1 else ResidualSeparator(separator)
    return Model(
        whole.eval().requires_grad_(False),
        network,
        add_residual_target(description.targets),
        description.rate,
        description.channels,
        description.origin,
        description.sha256,
    )


def read_description(folder: Path) -> ModelDescription:
    """Read a model's description without loading its weights; raises UserError as `load_model` does."""
    for name in (ModelDescription.FILE, WEIGHTS):
        if not (folder / name).is_file():
            raise UserError(f"{folder} is not a model: {name} is missing (train one with `stemline run`)")
    description = ModelDescription.read(folder)
    if digest_file(folder / WEIGHTS) != description.sha256:
        raise UserError(
            f"{folder / WEIGHTS} does not have the checksum in {ModelDescription.FILE}: fetch the model again"
        )
    return description
