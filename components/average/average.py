"""The average of models: the mean of their weights.

Models that were trained from the same start often lie in one valley, where their mean generalises better than each of
them (Wortsman et al., ICML 2022, "Model soups"), and so does the mean of a tuned model and its start (Wortsman et al.,
CVPR 2022, "Robust fine-tuning"). Choose what to average by validation, never by test tracks.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from components.core.base.errors import UserError
from components.core.data.artifacts import MODEL
from components.core.models.model_folder import Model, Stored, load_model, save_model
from components.core.sound.training_profile import PROFILE
from components.core.tracking.mlflow_runs import RunRef

_OUTSIDE_THE_LAYERS = ("dropout", "frames", "segment", "level_range")
"""Parameters of networks whose weights may be averaged although they differ; the first model's are kept."""


def average(folders: Sequence[Path], out: Path, stored: Stored) -> None:
    """Write the average of the models in `folders` to `out`, with the run and the profile of the first.

    The first is the folder of a training; the others also may be the folder of the step `start`. Raises UserError when
    the models have different networks, stems, rates or channels.
    """
    run, first_folder = RunRef.read(folders[0]), MODEL.within(folders[0])
    models = [load_model(MODEL.within(folder)) for folder in folders]
    first = models[0]
    for folder, model in zip(folders, models, strict=True):
        _require_same_kind(model, first, folder)
    first.separator.load_state_dict(average_states([model.separator.state_dict() for model in models]))
    origin = {**first.origin, "averaged": [model.digest for model in models], "stored": stored}
    model_out = MODEL.within(out)
    save_model(
        model_out, first.separator, first.network, first.targets, first.rate, first.channels, origin, stored
    )  # fmt: skip
    shutil.copyfile(first_folder / PROFILE, model_out / PROFILE)
    run.write(out)


def average_states(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of each tensor over `states`; counters, which are whole numbers, are those of the first."""
    first = states[0]
    return {
        name: torch.stack([state[name] for state in states]).mean(dim=0) if value.is_floating_point() else value
        for name, value in first.items()
    }


def _require_same_kind(model: Model, first: Model, folder: Path) -> None:
    if different := _different_parameters(model, first):
        raise UserError(
            f"{folder} has another network than the first model ({', '.join(different)} differ): leave it out"
        )
    pairs = [
        (_shapes(model), _shapes(first)), (model.targets, first.targets), (model.rate, first.rate),
        (model.channels, first.channels),
    ]  # fmt: skip
    if any(own != expected for own, expected in pairs):
        raise UserError(f"{folder} has another network, or other stems, than the first model: leave it out")


def _different_parameters(model: Model, first: Model) -> list[str]:
    """Return the names of the networks' parameters that differ, but for those that leave the layers as they are."""
    ours, theirs = model.network.model_dump(), first.network.model_dump()
    names = sorted((ours.keys() | theirs.keys()) - set(_OUTSIDE_THE_LAYERS))
    return [name for name in names if ours.get(name) != theirs.get(name)]


def _shapes(model: Model) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in model.separator.state_dict().items()}
