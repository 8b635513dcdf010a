"""The weights that a training starts with, taken from a trained model."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from components.core.base.errors import UserError
from components.core.data.cache_format import ShardReader
from components.core.models.model_description import WEIGHTS, ModelDescription
from components.core.models.model_folder import read_description
from components.core.models.start_model import StartModel, start_model_folder
from components.core.networks.base.separator import Separator

_MOST_NAMES = 8


def take_weights(separator: Separator, reader: ShardReader, start: Path) -> None:
    """Load the weights and statistics of the model in `start` into `separator`, and print what does not fit.

    The folder is that of the step `start`; without a model in it nothing changes. Raises UserError when the model was
    made for other targets, another rate or other channels than the data, or when nothing fits.
    """
    source = StartModel.read(start)
    if not source.address:
        return
    folder = start_model_folder(start)
    _require_same_task(read_description(folder), reader, source)
    own, given = separator.state_dict(), load_file(folder / WEIGHTS)
    fitting = {name: value for name, value in given.items() if name in own and own[name].shape == value.shape}
    if not fitting:
        raise UserError(f"start.model: nothing of {source} fits train.network: choose another model or network")
    separator.load_state_dict(fitting, strict=False)
    print(f"train: starts from {source}: {_describe(fitting, own, given)}", file=sys.stderr)


def _require_same_task(model: ModelDescription, reader: ShardReader, source: StartModel) -> None:
    expected = (reader.targets, reader.rate, reader.channels)
    if (model.targets, model.rate, model.channels) != expected:
        raise UserError(
            f"start.model: {source} separates {', '.join(model.targets)} at {model.rate} Hz in {model.channels} "
            f"channels, and the data are {', '.join(reader.targets)} at {reader.rate} Hz in {reader.channels}: "
            "set cache.targets, cache.rate and cache.channels, or choose another model"
        )


def _describe(fitting: Iterable[str], own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    taken = set(fitting)
    text = f"{len(taken)} of {len(own)} tensors taken"
    fresh, unused = ([name for name in names if name not in taken] for names in (own, given))
    if fresh:
        text += f"; fresh: {_list_names(fresh)}"
    if unused:
        text += f"; not used: {_list_names(unused)}"
    return text


def _list_names(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
