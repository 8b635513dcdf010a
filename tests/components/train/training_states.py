"""Tiny training states, for the tests of `train`."""

from pathlib import Path

import torch

from components.core.models.model_folder import save_model
from components.core.models.start_model import StartModel, start_model_folder
from components.core.networks.building import build_separator
from components.train.checkpoint import TrainingState, new_state
from components.train.config import TrainConfig
from components.train.losses import LOSSES
from tests.components.train.train_music import RATE, TARGETS, train_config


def tiny_state(config: TrainConfig, seed: int = 0) -> TrainingState:
    torch.manual_seed(seed)
    return new_state(config, build_separator(config.network, len(TARGETS), 2))


def start_model(folder: Path, seed: int, targets: tuple[str, ...] = TARGETS, **changes: object) -> Path:
    """Write what the step `start` writes for an untrained model, whose weights are drawn with `seed`."""
    config = train_config(**changes)
    torch.manual_seed(seed)
    separator = build_separator(config.network, len(targets), 2)
    save_model(start_model_folder(folder), separator, config.network, targets, RATE, 2, {})
    StartModel(address="models:/made@champion", version=3, sha256=f"{seed:064}").write(folder)
    return folder


def take_steps(state: TrainingState, count: int, seed: int) -> None:
    """Train on noise for `count` steps without the training loop."""
    for number in range(count):
        stems = torch.randn(2, 2, 2, 4000, generator=torch.Generator().manual_seed(seed + number))
        state.optimizer.zero_grad(set_to_none=True)
        LOSSES["waveform"](state.separator.estimates(stems.sum(dim=1)), stems).backward()  # type: ignore[no-untyped-call]
        state.optimizer.step()
        state.average.update_parameters(state.separator)
        state.step += 1


def same(first: TrainingState, second: TrainingState) -> bool:
    pairs = [(first.separator, second.separator), (first.average, second.average)]
    values = [(a.state_dict()[key], b.state_dict()[key]) for a, b in pairs for key in a.state_dict()]
    moments, others = (state.optimizer.state_dict()["state"] for state in (first, second))
    if moments.keys() != others.keys():
        return False
    values += [(moments[number][key], others[number][key]) for number in moments for key in moments[number]]
    return all(torch.equal(a, b) for a, b in values)
